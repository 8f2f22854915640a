/**
 * Reads camera frames for some minutes, in Chromium with a film in place of the camera. Memory must
 * stay flat.
 *
 *     node tests/soak.mjs [--minutes 10] [--write]
 *
 * The film shows a document with a wrong check digit, which is read in every frame and never
 * accepted. The camera delivers 60 frames a second, twice what the page asks for. 4 bits get three
 * fifths of the time, 8 bits and float one fifth each. Frame rates are printed and not judged;
 * `--write` stores them as docs/results/soak.json.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { fakeCamera, film } from "./film.mjs";
import { heapOf } from "./heap.mjs";
import { CHROMIUM, repository, site } from "./site.mjs";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    write: { type: "boolean", default: false },
  },
});
const seconds = Number(values.minutes) * 60;
assert.ok(seconds > 0, "--minutes needs a number above zero");

/** Frames a second of the camera. */
const RATE = 60;
const SHARES = { u4: 0.6, u8: 0.2, f32: 0.2 };
/**
 * Frames after which all buffers have their final sizes: the document is in view in each of them at
 * least once.
 */
const WARM_UP_FRAMES = 20;
/** How long they may take: a machine that is busy with other work is no fault of the page. */
const PATIENCE_MS = 600_000;
/** Number of memory samples per stretch. */
const SAMPLES = 12;
/**
 * Growth, from the maximum of the first half of a stretch to its end, that counts as noise: code
 * compiled late, the browser's caches, and a late frame that needs more memory than any before. The
 * resident size is printed and not judged: the browser decides when to return memory to the system.
 */
const SLACK = { wasm: 8 << 20, page_heap: 1 << 20, worker_heap: 1 << 20, nodes: 200 };

const { address, close } = await site();
const projector = await chromium.launch(CHROMIUM);
// Plain pictures at the rate of a quick camera: a decoder in software would take a core.
const roll = await film(projector, "passport-wrong-check.jpg", 20, 4, { rate: RATE });
await projector.close();
const browser = await chromium.launch({
  ...CHROMIUM,
  args: [...CHROMIUM.args, ...fakeCamera(roll, true)],
});
const context = await browser.newContext({
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  permissions: ["camera"],
});
const page = await context.newPage();
// The page asks for 30 frames a second, to spare batteries. Here it gets all that the camera has.
await page.addInitScript((rate) => {
  const { mediaDevices } = navigator;
  const ask = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = ({ video, ...rest }) =>
    ask({ ...rest, video: { ...video, frameRate: { ideal: rate } } });
}, RATE);
await page.goto(address);
await page.waitForLoadState("networkidle");
const heap = await heapOf(browser, page);

/** Runs in the page: measures how evenly it draws, until stopped. */
const watch = () => {
  const gaps = [];
  let last = performance.now();
  const step = (now) => {
    gaps.push(now - last);
    last = now;
    if (globalThis.watching) requestAnimationFrame(step);
  };
  globalThis.watching = true;
  globalThis.gaps = gaps;
  requestAnimationFrame(step);
};
const read = () => page.evaluate(() => Number(document.querySelector("#camera").dataset.frames));
const pause = (s) => new Promise((resolve) => setTimeout(resolve, s * 1000));
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

async function stretch(precision, length) {
  await page.evaluate(
    (value) => (document.querySelector(`input[value=${value}]`).checked = true),
    precision,
  );
  await page.click("#camera-open");
  await page.waitForFunction(
    (n) => Number(document.querySelector("#camera").dataset.frames) >= n,
    WARM_UP_FRAMES,
    { timeout: PATIENCE_MS },
  );
  const samples = [await heap()];
  let frames = 0;
  let drawn = [];
  let time = 0;
  for (let index = 1; index < SAMPLES; index++) {
    // Garbage collection pauses the page, so only the time between samples is measured.
    const [before, begin] = [await read(), performance.now()];
    await page.evaluate(watch);
    await pause(length / SAMPLES);
    drawn = drawn.concat(
      await page.evaluate(() => ((globalThis.watching = false), globalThis.gaps)),
    );
    frames += (await read()) - before;
    time += (performance.now() - begin) / 1000;
    samples.push(await heap());
  }
  assert.equal(await page.getAttribute("#camera", "data-state"), "live", "the camera stopped");
  await page.click("#camera-close");
  const sorted = drawn.sort((a, b) => a - b);
  return {
    precision,
    seconds: time,
    frames,
    frames_a_second: frames / time,
    page_frames_a_second: drawn.length / time,
    page_gap_ms: {
      median: median(drawn),
      p95: sorted[Math.floor(sorted.length * 0.95)],
      worst: sorted.at(-1),
    },
    memory: { first: samples[0], last: samples.at(-1) },
    samples,
  };
}

/** Describes what grew. */
function growth({ precision, samples }) {
  const half = samples.length >> 1;
  const over = (key) =>
    median(samples.slice(-3).map((sample) => sample[key])) -
    Math.max(...samples.slice(0, half).map((sample) => sample[key]));
  return Object.entries(SLACK)
    .filter(([key, slack]) => over(key) > slack)
    .map(([key]) => `${precision}: ${key} grew by ${over(key)}`);
}

const mb = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
const reports = [];
for (const [precision, share] of Object.entries(SHARES)) {
  const report = await stretch(precision, seconds * share);
  const { first, last } = report.memory;
  console.log(
    `    ${precision.padEnd(4)}${report.frames_a_second.toFixed(1)} frames a second read in ${report.seconds.toFixed(0)} s; page draws ${report.page_frames_a_second.toFixed(1)} a second,` +
      ` gaps ${report.page_gap_ms.median.toFixed(0)} ms median, ${report.page_gap_ms.p95.toFixed(0)} ms p95, ${report.page_gap_ms.worst.toFixed(0)} ms worst`,
  );
  console.log(
    `        WebAssembly ${mb(first.wasm)} -> ${mb(last.wasm)}, page heap ${mb(first.page_heap)} -> ${mb(last.page_heap)},` +
      ` worker heap ${mb(first.worker_heap)} -> ${mb(last.worker_heap)}, nodes ${first.nodes} -> ${last.nodes}, process ${mb(first.resident)} -> ${mb(last.resident)}`,
  );
  reports.push(report);
}
await browser.close();
close();
const faults = reports.flatMap(growth);
for (const fault of faults) console.log(`    NOT flat: ${fault}`);
if (values.write) {
  const kept = reports.map(({ samples, ...report }) => report);
  const text = JSON.stringify(
    {
      device: cpus()[0]?.model ?? "",
      browser: "Chromium, no GPU",
      minutes: Number(values.minutes),
      stretches: kept,
    },
    null,
    1,
  );
  await writeFile(join(repository, "docs/results/soak.json"), `${text}\n`);
}
process.exitCode = faults.length === 0 ? 0 : 1;
