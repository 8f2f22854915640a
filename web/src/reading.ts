/** The reading view: a picture comes in, the worker reads it, the result is shown. */
import { NibbleError, supported, type Precision, type Result } from "nibble";
import type { Client } from "./client";
import { at, el } from "./dom";
import { onLanguage } from "./language";
import { remember } from "./last";
import { t, type Key } from "./messages";
import { byBrowser } from "./picture";
import { show } from "./result";
import { SAMPLES } from "./samples";

type Section = "start" | "camera" | "busy" | "problem" | "result";

/** What is on the screen, so that another precision or language can show it again. */
interface Shown {
  file: Blob;
  name: string;
  result?: Result;
}

let client: Client;
let shown: Shown | undefined;
/** Counts readings: an answer to an older one is dropped. */
let turn = 0;

function go(section: Section): void {
  for (const id of ["start", "camera", "busy", "problem", "result"]) at(id).hidden = id !== section;
}

function precision(): Precision {
  return document.querySelector<HTMLInputElement>("input[name=precision]:checked")?.value as Precision;
}

function problem(thrown: unknown): void {
  const code = thrown instanceof NibbleError ? thrown.code : "Internal";
  const key = `err${code === "Disposed" ? "Internal" : code}` as Key;
  at("problem-title").textContent = t("errTitle");
  at("problem-text").textContent = t(key);
  at("problem").dataset["code"] = code;
  go("problem");
  document.querySelector<HTMLElement>("#problem .again")?.focus();
}

/** Reads a file by the engine, or by the browser's decoder where the engine cannot take it. */
async function readFile(file: Blob): Promise<{ result: Result; notice?: Key }> {
  try {
    return { result: await client.read(new Uint8Array(await file.arrayBuffer()), precision()) };
  } catch (thrown) {
    const code = thrown instanceof NibbleError ? thrown.code : "";
    if (code !== "TooLarge" && code !== "Unsupported") throw thrown;
    const prepared = await byBrowser(file);
    if (prepared === null) throw thrown;
    const notice: Key = prepared.scale < 1 ? "scaled" : "foreign";
    return { result: await client.read(prepared.pixels, precision()), notice };
  }
}

async function read(file: Blob, name: string): Promise<void> {
  const mine = ++turn;
  shown = { file, name };
  const picture = at<HTMLImageElement>("picture");
  if (picture.src.startsWith("blob:")) URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
  at("busy-text").textContent = t("reading");
  go("busy");
  try {
    const { result, notice } = await readFile(file);
    if (mine !== turn) return;
    shown.result = result;
    remember(file, result);
    at("notice").hidden = notice === undefined;
    at("notice").dataset["key"] = notice ?? "";
    at("caption").textContent = name;
    present();
    go("result");
    at("verdict").focus({ preventScroll: true });
    scrollTo({ top: 0 });
  } catch (thrown) {
    if (mine === turn) problem(thrown);
  }
}

/** Shows the result at hand in the language of the moment. */
function present(): void {
  if (shown?.result === undefined) return;
  const key = at("notice").dataset["key"];
  if (key) at("notice").textContent = t(key as Key);
  at<HTMLImageElement>("picture").alt = t("alt");
  at("said").textContent = "";
  show(shown.result);
}

/** The same picture by another precision; what is shown stays until the answer is here. */
async function reread(): Promise<void> {
  if (shown?.result === undefined) return;
  const mine = ++turn;
  at("times").setAttribute("aria-busy", "true");
  try {
    const { result } = await readFile(shown.file);
    if (mine !== turn) return;
    shown.result = result;
    present();
  } catch (thrown) {
    if (mine === turn) problem(thrown);
  } finally {
    at("times").removeAttribute("aria-busy");
  }
}

function restart(): void {
  turn++;
  shown = undefined;
  const picture = at<HTMLImageElement>("picture");
  if (picture.src.startsWith("blob:")) URL.revokeObjectURL(picture.src);
  picture.removeAttribute("src");
  go("start");
  at("choose").focus();
}

function takeFirst(files: FileList | null | undefined): void {
  const file = files?.[0];
  // Another view has its own use for what is dropped on it.
  if (file !== undefined && !at("view-read").hidden) void read(file, file.name);
}

function offerSamples(): void {
  at("samples").replaceChildren(
    ...SAMPLES.map(({ key, address }) => {
      const button = el("button", { type: "button", "data-t": key, "data-sample": address }, t(key));
      button.addEventListener("click", async () => {
        at("busy-text").textContent = t("loading");
        go("busy");
        try {
          const response = await fetch(address);
          if (!response.ok) throw new NibbleError("LoadFailed", address);
          await read(await response.blob(), t(key));
        } catch {
          problem(new NibbleError("LoadFailed", address));
        }
      });
      return el("li", {}, button);
    }),
  );
}

function wire(): void {
  const input = at<HTMLInputElement>("file");
  at("choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    takeFirst(input.files);
    input.value = "";
  });
  const drop = at("drop");
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) drop.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    takeFirst(event.dataTransfer?.files);
  });
  addEventListener("paste", (event) => takeFirst(event.clipboardData?.files));
  for (const button of document.querySelectorAll(".again")) button.addEventListener("click", restart);
  for (const radio of document.querySelectorAll("input[name=precision]")) radio.addEventListener("change", () => void reread());
  at("copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(JSON.stringify(shown?.result, null, 2));
    at("said").textContent = t("copied");
  });
  at("save").addEventListener("click", () => {
    const file = new Blob([JSON.stringify(shown?.result, null, 2)], { type: "application/json" });
    const link = el("a", { href: URL.createObjectURL(file), download: "nibble.json" }) as HTMLAnchorElement;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href));
  });
  onLanguage(present);
}

/** Starts the view; `worker` reads for it. */
export function startReading(worker: Client): void {
  client = worker;
  offerSamples();
  wire();
  if (supported() === null) {
    problem(new NibbleError("NoSimd", "no SIMD"));
  } else {
    // The usual model is here before a picture is: nothing is requested while one is read.
    client.load("u4").catch(problem);
  }
  // For the tests of the built page: the worker's readings as they are, and whether the policy holds there.
  const nibbleTest = {
    reaches: (address: string) => client.reaches(address),
    read: (bytes: Uint8Array<ArrayBuffer>, by: Precision) => client.read(bytes, by),
    result: () => shown?.result,
  };
  Object.assign(globalThis, { nibbleTest });
}
