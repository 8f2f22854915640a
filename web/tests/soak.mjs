/**
 * Camera frames for minutes, in Chromium with a film for a camera: memory must stay flat.
 *
 *     node tests/soak.mjs [--minutes 10] [--write]
 *
 * The film shows a document with a wrong check digit: it is read in each frame and never done.
 * Three fifths of the time go to 4 bits, a fifth each to 8 bits and float. Frames a second are
 * printed and never judged; `--write` keeps them as docs/results/soak.json.
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

const SHARES = { u4: 0.6, u8: 0.2, f32: 0.2 };
/** Frames in which buffers find their sizes: the document is in view in each of them once. */
const WARM_UP_FRAMES = 20;
/** Samples of the memory in one stretch. */
const SAMPLES = 12;
/**
 * Growth from the most of the first half of a stretch to the end that is noise: code compiled late,
 * caches of the browser; and the frame that takes the network most memory may come late. What the
 * process holds is printed and not judged: it is the browser's to give back to the system, and
 * depends on what else the machine does.
 */
const SLACK = { wasm: 8 << 20, page_heap: 1 << 20, worker_heap: 1 << 20, nodes: 200 };

const { address, close } = await site();
const projector = await chromium.launch(CHROMIUM);
const roll = await film(projector, "passport-wrong-check.jpg");
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
await page.goto(address);
await page.waitForLoadState("networkidle");
const heap = await heapOf(browser, page);

/** Runs in the page: watches how evenly it can draw until told to stop. */
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
    { timeout: 60_000 },
  );
  const samples = [await heap()];
  let frames = 0;
  let drawn = [];
  let time = 0;
  for (let index = 1; index < SAMPLES; index++) {
    // Collecting garbage stops the page for a moment: what is timed lies between the samples.
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

/** What grew, in words. */
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
