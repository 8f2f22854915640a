/**
 * The script within index.html: works before the page's own script is there. It requests what every
 * first visit needs, and remembers what is pressed. `build/arrival.ts` puts it there.
 */
import { supported } from "../../pkg/features.js";
import type { Early } from "./early";
import type { Files } from "./files";

/** The build replaces this name with the addresses. */
declare const FILES: Files;

const ended = new AbortController();
const { signal } = ended;
const early: Early = { files: new Map(), samples: new Map(), end: () => ended.abort() };

const at = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;

/** On later visits the service worker has all files. */
const isFirst = navigator.serviceWorker?.controller == null;

/** Requests a file once, on a first visit. */
function request(requests: Early["samples"], file: string): void {
  const { href } = new URL(file, document.baseURI);
  if (!isFirst || requests.has(href)) return;
  const answer = fetch(href);
  // Whoever takes it is told of a failure.
  answer.catch(() => undefined);
  requests.set(href, answer);
}

/** Remembers what to do, and shows that the page is at it. */
function later(press: () => void): void {
  early.press = press;
  at("start").hidden = true;
  at("busy").hidden = false;
  // What changes while it is shown is read aloud.
  const text = at("busy-text");
  text.replaceChildren(text.textContent ?? "");
}

function pressed({ target }: Event): void {
  const button = (target as Element).closest("button");
  if (button === null) return;
  const { sample } = button.dataset;
  // The decoder can wait for the page's script: it would delay the engine, which takes time to start.
  if (sample !== undefined) request(early.samples, sample);
  if (sample !== undefined || button.id === "camera-open") later(() => button.click());
  if (button.id === "choose") at("file").click();
}

function chosen({ target }: Event): void {
  const input = target as HTMLInputElement;
  if (input.id !== "file" || input.files?.length === 0) return;
  later(() => input.dispatchEvent(new Event("change")));
}

function requestFiles(): void {
  const asked = new URLSearchParams(location.search).get("binary") ?? supported();
  const engine = Object.entries(FILES.engines).find(([binary]) => binary === asked)?.[1];
  if (engine !== undefined && !signal.aborted)
    for (const file of [engine, FILES.network]) request(early.files, file);
}

// After the first paint, which nothing is to delay.
requestAnimationFrame(() => setTimeout(requestFiles));
document.addEventListener("click", pressed, { signal });
document.addEventListener("change", chosen, { signal });
globalThis.early = early;
