/** What takes time while a camera runs, and when a page starts: the second table of times.mjs. */
import { execFileSync } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { firefox } from "./gecko.mjs";
import { tapWorker } from "./hands.mjs";
import { heapOf } from "./heap.mjs";
import { repository, site, web } from "./site.mjs";

/** A document without a zone, as a camera at rest may see for long. */
const WITHOUT = join(repository, "testdata/specimens/id-card-front.jpg");
/** Frames of it: three of them are searched thoroughly. */
const STILL = 24;
/** Starts of a reader that are measured in each browser. */
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

/**
 * Runs in a page: resolves to the milliseconds from the making of the package's worker until it
 * holds a reader of 4 bits.
 */
const ready = (address) =>
  new Promise((resolve, reject) => {
    const begin = performance.now();
    const worker = new Worker(address, { type: "module" });
    worker.addEventListener("error", () => reject(new Error("the worker does not start")));
    worker.addEventListener("message", ({ data }) => {
      if (data.kind === "error") reject(new Error(data.message));
      else if (data.id === 1) resolve(performance.now() - begin);
    });
    worker.postMessage({ id: 0, kind: "start", options: {}, progress: false, begun: [] });
    worker.postMessage({ id: 1, kind: "load", precision: "u4" });
  });

/**
 * A function for each browser that loads an address and there runs `ready`. The document is the
 * worker's own code, in which nothing else runs.
 */
const opening = {
  chromium: (browser) => async (address) => {
    const page = await browser.newPage();
    await page.goto(address);
    const ms = await page.evaluate(ready, address);
    await page.close();
    return ms;
  },
  firefox: (driver) => async (address) => {
    await driver.get(address);
    const found = await driver.executeAsyncScript(
      `const [address, done] = arguments; (${ready})(address).then(done, (error) => done(String(error)));`,
      address,
    );
    if (typeof found !== "number") throw new Error(found);
    return found;
  },
};

/** The median milliseconds until a reader is ready, in each browser in turn. */
async function readyRow(browser) {
  const packaged = await site(join(web, "pkg"));
  const driver = await firefox();
  const browsers = [opening.chromium(browser), opening.firefox(driver)];
  const starts = browsers.map(() => []);
  for (let round = 0; round < STARTS; round++) {
    for (const [index, open] of browsers.entries())
      starts[index].push(await open(`${packaged.address}worker.js`));
  }
  await driver.quit();
  packaged.close();
  const [chromium, gecko] = starts.map((list) => median(list).toFixed(0));
  return `A reader of 4 bits is ready ${chromium} ms after a page asks for it in Chromium, and ${gecko} ms in Firefox (medians of ${STARTS}, files from this machine).`;
}

/** Opens a page whose engine is ready. */
async function opened(browser, address) {
  const page = await browser.newPage();
  await page.addInitScript(tapWorker);
  await page.goto(address);
  await page.waitForFunction(() => globalThis.hasStarted);
  return page;
}

/** A sentence on the start of a reader, and one on memory in MiB. */
export async function startRow(browser, address, frame, photograph) {
  const start = await readyRow(browser);
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
  return `${start} WebAssembly's memory is ${memory[0]} MiB after a camera's frame, and ${memory[1]} MiB after a photograph.\n`;
}
