/**
 * The same products by this project's kernels, onnxruntime-web and tfjs-wasm, in one page of
 * Chromium, one thread each, interleaved.
 *
 *     cargo xtask bench-peers          (node peers/bench.mjs [--repeats N] [--rows FACTOR])
 *
 * Writes docs/results/peers-chromium.json and prints the geometric means of the ratios. Shapes are
 * the papers' grid with FACTOR times the rows, 16 by default, so that what a call of those
 * libraries costs does not weigh; ours pack and requantise, theirs only multiply.
 */
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { cpus } from "node:os";
import { extname, join, normalize } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { CHROMIUM, repository, web } from "../tests/site.mjs";

const { values } = parseArgs({
  options: { repeats: { type: "string", default: "15" }, rows: { type: "string", default: "16" } },
});
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, "http://x").pathname);
  try {
    const body = await readFile(join(web, path));
    response
      .writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" })
      .end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const browser = await chromium.launch(CHROMIUM);
const page = await browser.newPage();
page.on("console", (message) => message.type() === "error" && console.error(message.text()));
page.on("pageerror", (error) => console.error(String(error)));
await page.goto(`http://127.0.0.1:${server.address().port}/peers/page.html`);
await page.waitForFunction(() => globalThis.ready !== undefined, undefined, { timeout: 60_000 });
const report = await page.evaluate(
  ([repeats, factor]) => globalThis.ready(repeats, factor),
  [Number(values.repeats), Number(values.rows)],
);
await browser.close();
server.close();

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const mean = (list) =>
  Math.exp(list.reduce((sum, value) => sum + Math.log(value), 0) / list.length);
report.device = { browser: browser.version(), cpu: cpus()[0]?.model ?? "" };
report.ratios = {};
for (const ours of report.ours) {
  for (const peer of report.peers) {
    const ratios = report.shapes.map(({ ms }) =>
      median(ms[peer].map((theirs, repeat) => theirs / ms[ours][repeat])),
    );
    report.ratios[`${ours} / ${peer}`] = mean(ratios);
  }
}
for (const [name, ratio] of Object.entries(report.ratios))
  console.log(`${name.padEnd(44)}${ratio.toFixed(2).padStart(7)}`);
for (const shape of report.shapes) {
  const rate = (list) => (shape.m * shape.n * shape.k) / median(list) / 1e6;
  shape.gmacs = Object.fromEntries(
    Object.entries(shape.ms).map(([name, list]) => [name, Number(rate(list).toFixed(2))]),
  );
  delete shape.ms;
}
await writeFile(
  join(repository, "docs/results/peers-chromium.json"),
  `${JSON.stringify(report, null, 1)}\n`,
);
