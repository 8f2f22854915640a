/**
 * How long pictures take: by the command line and in both binaries in Chromium, at each precision, in
 * turn.
 *
 *     node tests/times.mjs FRAMES PHOTOGRAPHS FILMS [--write]
 *
 * The first two folders hold pictures of one size each, the third one films, as `cargo xtask times`
 * makes them. A picture's time is its median over the rounds, a place's that over the pictures; the
 * first round warms up and is not counted. `--write` keeps the tables as docs/results/times.md.
 */
import { readdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { tapWorker } from "./hands.mjs";
import { filmIn, filmRows, filmsIn, median, natively, readIn, startRow } from "./live.mjs";
import { CHROMIUM, repository, site } from "./site.mjs";

const {
  values,
  positionals: [frames, photographs, films],
} = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean", default: false } },
});
const PRECISIONS = ["u4", "u8", "f32"];
/** Number of counted rounds. */
const ROUNDS = 5;
const PARTS = ["locate", "network", "total", "decode"];

const { address, close } = await site();
const browser = await chromium.launch(CHROMIUM);

/** Functions that read files; each returns the milliseconds per file. */
const places = new Map([
  [
    "native",
    async (files, precision) => natively(["--jobs", "1"], files, precision).map(({ ms }) => ms),
  ],
]);
/** Functions that read the frames of a film; each returns their results. */
const filming = new Map([["native", (files, precision) => natively(["--film"], files, precision)]]);
for (const binary of ["relaxed", "simd128"]) {
  const page = await browser.newPage();
  await page.addInitScript(tapWorker);
  await page.goto(`${address}?binary=${binary}`);
  filming.set(`Chromium, ${binary}`, filmIn(page));
  places.set(`Chromium, ${binary}`, async (files, precision) => {
    const times = [];
    for (const file of files) times.push((await readIn(page, "readInWorker", file, precision)).ms);
    return times;
  });
}

const picturesIn = async (folder) =>
  (await readdir(folder))
    .filter((name) => name.endsWith(".jpg"))
    .sort()
    .map((name) => join(folder, name));

const rows = [];
for (const folder of [frames, photographs]) {
  const files = await picturesIn(folder);
  const runs = [...places].flatMap(([place, read]) =>
    PRECISIONS.map((precision) => ({ place, precision, read, times: [] })),
  );
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { precision, read, times } of runs) {
      const found = await read(files, precision);
      if (round > 0) times.push(found);
    }
  }
  // Decoding is listed separately, because a camera's frames are already decoded.
  const parts = runs.map(({ place, precision, times: lists }) => {
    const of = (part) =>
      median(
        files.map((_, index) =>
          median(
            lists.map((times) =>
              part === "total" ? times[index].total - times[index].decode : times[index][part],
            ),
          ),
        ),
      );
    return { place, precision, ...Object.fromEntries(PARTS.map((part) => [part, of(part)])) };
  });
  for (const { place, precision, total, ...others } of parts) {
    const ms = (value) => value.toFixed(1);
    const float = parts.find((other) => other.place === place && other.precision === "f32").total;
    rows.push(
      `| ${basename(folder).replace(/^.*-/, "")} (${files.length}) | ${place} | ${precision} | ${ms(others.locate)} | ${ms(others.network)} | ${ms(total)} | ${ms(others.decode)} | ${(float / total).toFixed(2)} |`,
    );
  }
}
const table = `| pixels (pictures) | where | precision | locating | reading | all but decoding | decoding | quicker than float |\n|---|---|---|---|---|---|---|---|\n${rows.join("\n")}\n`;
console.log(table);
const live = await filmRows(filming, await filmsIn(films), PRECISIONS);
console.log(live);
const [frame] = await picturesIn(frames);
const [photograph] = await picturesIn(photographs);
const start = await startRow(browser, address, frame, photograph);
console.log(start);
if (values.write) {
  const page = `# Milliseconds a picture\n\nWritten by \`cargo xtask times --write\`: frames of documents as a phone held by hand makes them, as JPEG files in colour with chroma at half the resolution, read in turn by \`native-bench\` and by both binaries of the page in Chromium ${browser.version()}, one core each, on ${cpus()[0].model}. Medians. Locating is done by a network of 4 bits at every precision.\n\n`;
  const next = `\n## A camera\n\nFrames of the same size from films, once a document is in view: a frame ends with the first zone that is read. The scene without a zone is the front of a card, seen at rest; one frame in eight is searched thoroughly, and the slowest of these is the last column.\n\n${live}\n${start}`;
  await writeFile(join(repository, "docs/results/times.md"), page + table + next);
}
await browser.close();
close();
