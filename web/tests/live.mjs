/** What takes time while a camera runs, and when a page starts: the second table of times.mjs. */
import { execFileSync } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { tapWorker } from "./hands.mjs";
import { heapOf } from "./heap.mjs";
import { repository } from "./site.mjs";

/** A document without a zone, as a camera at rest may see for long. */
const WITHOUT = join(repository, "testdata/specimens/id-card-front.jpg");
/** Frames of it: three of them are searched thoroughly. */
const STILL = 24;
/** Starts of the engine that are measured. */
const STARTS = 7;

export const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/** The frames of each film in a folder. */
export async function filmsIn(folder) {
  const names = await readdir(folder, { withFileTypes: true });
  const films = names.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  return Promise.all(
    films.sort().map(async (film) => (await readdir(film)).sort().map((name) => join(film, name))),
  );
}

/** Reads files by the command line, with further options; returns the results. */
export function natively(options, files, precision) {
  const text = execFileSync(
    join(repository, "target/release/native-bench"),
    ["read", "--json", "--precision", precision, ...options, ...files],
    { encoding: "utf8", maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "inherit"] },
  );
  return JSON.parse(text);
}

/** Reads a file in a page by a function of `tapWorker`, given by its name. */
export async function readIn(page, name, file, precision) {
  const base64 = (await readFile(file)).toString("base64");
  const read = ([name, text, precision]) =>
    globalThis[name](
      Uint8Array.from(atob(text), (c) => c.charCodeAt(0)),
      precision,
    );
  return page.evaluate(read, [name, base64, precision]);
}

/** Returns a function that reads a film in a page with `tapWorker`. */
export const filmIn = (page) => async (files, precision) => {
  await page.evaluate((precision) => globalThis.forgetInWorker(precision), precision);
  const results = [];
  for (const file of files) results.push(await readIn(page, "frameInWorker", file, precision));
  return results;
};

/** A frame's time without decoding, which no camera needs. */
const time = ({ ms }) => ms.total - ms.decode;

/**
 * Rows of the median frame of films once their document is in view, and of a still scene without a
 * zone; `places` are functions that read films, by name.
 */
export async function filmRows(places, films, precisions) {
  const rows = [];
  for (const precision of precisions) {
    for (const [place, read] of places) {
      const followed = [];
      for (const film of films) {
        const results = await read(film, precision);
        const first = results.findIndex(({ lines }) => lines.length > 0);
        if (first >= 0) followed.push(...results.slice(first + 1).map(time));
      }
      const still = (await read(Array(STILL).fill(WITHOUT), precision)).map(time);
      const cells = [median(followed), median(still), Math.max(...still.slice(1))];
      rows.push(`| ${place} | ${precision} | ${cells.map((ms) => ms.toFixed(1)).join(" | ")} |`);
    }
  }
  return `| where | precision | a film's frame | a frame without a zone | the same, searched thoroughly |\n|---|---|--:|--:|--:|\n${rows.join("\n")}\n`;
}

/** Opens a page whose engine is ready. */
async function opened(browser, address) {
  const page = await browser.newPage();
  await page.addInitScript(tapWorker);
  await page.goto(address);
  await page.waitForFunction(() => globalThis.startedIn !== undefined);
  return page;
}

/** Milliseconds from the start of a page's worker to a ready engine, and memory in MiB. */
export async function startRow(browser, address, frame, photograph) {
  const starts = [];
  for (let round = 0; round < STARTS; round++) {
    const page = await opened(browser, address);
    starts.push(await page.evaluate(() => globalThis.startedIn));
    await page.close();
  }
  const memory = [];
  for (const [name, file] of [
    ["lumaInWorker", frame],
    ["readInWorker", photograph],
  ]) {
    const page = await opened(browser, address);
    const heap = await heapOf(browser, page);
    await readIn(page, name, file, "u4");
    memory.push(((await heap()).wasm / 2 ** 20).toFixed(1));
    await page.close();
  }
  return `In Chromium the engine is ready ${median(starts).toFixed(0)} ms after the page asks for it (median of ${STARTS}, files from this machine). WebAssembly's memory is ${memory[0]} MiB after a camera's frame, and ${memory[1]} MiB after a photograph.\n`;
}
