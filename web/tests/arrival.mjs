/**
 * How long a first visit takes over a slow network: until a sample can be clicked, and until the
 * sample, clicked at once, is read.
 *
 *     node tests/arrival.mjs [--rate 180] [--latency 560] [--rounds 3] [--write]
 *
 * The rate is in kilobytes (1000 bytes) a second, shared by everything that arrives at the same
 * time, as on a phone's connection. The latency is in milliseconds, from a request to the first
 * byte of its answer. Each visit has a new browser context, so nothing is stored. `--write` keeps
 * the table as docs/results/arrival.md.
 */
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { cpus } from "node:os";
import { extname, join } from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync } from "node:zlib";
import { chromium } from "playwright-core";
import { CHROMIUM, TYPES, repository, web } from "./site.mjs";
import { expected } from "./specimens.mjs";

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "180" },
    latency: { type: "string", default: "560" },
    rounds: { type: "string", default: "3" },
    write: { type: "boolean", default: false },
  },
});
const [rate, latency, rounds] = [values.rate, values.latency, values.rounds].map(Number);
/** Bytes that are sent at a time, before others have their turn. */
const PART = 4096;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Settles when all bytes that were given to the connection are sent. */
let sent = Promise.resolve();
/** When the connection is free, in milliseconds. */
let free = 0;

/** Sends bytes over the connection, after those that wait already. */
function send(response, bytes) {
  sent = sent.then(async () => {
    free = Math.max(free, performance.now()) + bytes.length / rate;
    await pause(free - performance.now());
    if (!response.destroyed) response.write(bytes);
  });
  return sent;
}

const packed = new Map();
/** The body of a file as public hosts send it; each file is packed once. */
async function body(file) {
  if (!packed.has(file)) {
    const bytes = await readFile(join(web, "dist", file));
    const isPacked = !/\.(jpg|png)$/.test(file);
    packed.set(file, { isPacked, bytes: isPacked ? brotliCompressSync(bytes) : bytes });
  }
  return packed.get(file);
}

const server = createServer(async (request, response) => {
  const file = new URL(request.url, "http://x").pathname.slice(1) || "index.html";
  const arrived = performance.now();
  try {
    const { isPacked, bytes } = await body(file);
    await pause(arrived + latency - performance.now());
    response.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      // As GitHub Pages does.
      "cache-control": "max-age=600",
      ...(isPacked && { "content-encoding": "br" }),
    });
    for (let at = 0; at < bytes.length; at += PART)
      await send(response, bytes.subarray(at, at + PART));
    response.end();
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}/`;

/** One visit: seconds until a sample can be clicked, and until it is read. */
async function visit(browser) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const start = performance.now();
  const since = () => (performance.now() - start) / 1000;
  await page.goto(address, { waitUntil: "commit" });
  await page.click("#samples li:first-child button");
  const clicked = since();
  await page.getByText(expected.get("passport.jpg")[0]).waitFor();
  const read = since();
  await context.close();
  await sent;
  return [clicked, read];
}

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const browser = await chromium.launch(CHROMIUM);
// The first visit packs the files.
await visit(browser);
const visits = [];
for (let round = 0; round < rounds; round++) visits.push(await visit(browser));
const [clicked, read] = [0, 1].map((at) => median(visits.map((times) => times[at])).toFixed(1));
const row = `| Chromium ${browser.version()} | ${clicked} | ${read} |`;
await browser.close();
server.close();
const text = `# A first visit

Written by \`cargo xtask arrival --write\`: ${rate} kB a second and ${latency} ms latency, all files compressed by brotli, nothing stored before, on ${cpus()[0].model}. Medians of ${rounds} visits, in seconds.

| browser | a sample can be clicked | the sample, clicked at once, is read |
|---|--:|--:|
${row}
`;
console.log(text);
if (values.write) await writeFile(join(repository, "docs/results/arrival.md"), text);
