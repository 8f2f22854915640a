/**
 * Prints what a first visit loads before it can read. Run `node build/sizes.mjs [--check]` after a
 * build.
 *
 * Files are counted as a static host sends them: compressed with brotli. Sizes with gzip are
 * printed for hosts without brotli. With `--check`, exceeding the limit is an error.
 */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** Bytes after brotli: of a first visit that reads by camera, and with the first JPEG file. */
const LIMITS = { "first load": 269_000, "with the first JPEG file": 319_000 };
const dist = new URL("../dist/", import.meta.url).pathname;

const assets = (await readdir(join(dist, "assets"))).map((name) => `assets/${name}`);
const like = (pattern) => assets.filter((name) => pattern.test(name));
const page = (await readFile(join(dist, "index.html"), "utf8"))
  // Only browsers without modules load this.
  .replace(/<script nomodule[^>]*>/, "");
const opening = [
  "index.html",
  ...[...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, name]) => name),
]
  // Icons of the installed page come later, and the licences when their link is followed.
  .filter((name) => !/\.(png|webmanifest|txt)$/.test(name));

async function sizes(name) {
  const bytes = await readFile(join(dist, name));
  const brotli = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  return {
    name,
    plain: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotli.length,
  };
}

const row = ({ name, plain, gzip, brotli }) =>
  console.log(
    `    ${name.padEnd(44)}${[plain, gzip, brotli].map((size) => String(size).padStart(10)).join("")}`,
  );
const sum = (files) =>
  files.reduce(
    (total, file) => ({
      ...total,
      plain: total.plain + file.plain,
      gzip: total.gzip + file.gzip,
      brotli: total.brotli + file.brotli,
    }),
    { plain: 0, gzip: 0, brotli: 0 },
  );

const shell = await Promise.all(opening.map(sizes));
const model = await sizes(like(/ocr-u4/)[0]);
const binaries = await Promise.all(like(/nibble-(relaxed|simd128)-.*\.wasm$/).map(sizes));
const decoder = await sizes(like(/nibble-picture-jpeg/)[0]);
// A browser loads one of the two; count the larger.
const binary = binaries.reduce((a, b) => (a.brotli > b.brotli ? a : b));
const first = { ...sum([...shell, model, binary]), name: "first load" };
const file = { ...sum([first, decoder]), name: "with the first JPEG file" };
const counted = new Set([...opening, ...[model, decoder, ...binaries].map(({ name }) => name)]);
const later = await Promise.all(
  [...assets.filter((name) => !counted.has(name)), "sw.js"].map(sizes),
);

console.log(
  `    ${"bytes".padEnd(44)}${["plain", "gzip", "brotli"].map((name) => name.padStart(10)).join("")}`,
);
[...shell, model, ...binaries].forEach(row);
row(first);
row(decoder);
row(file);
row({ ...sum(later), name: "later: other views, networks, samples" });
if (process.argv.includes("--check"))
  for (const { name, brotli } of [first, file])
    if (brotli > LIMITS[name]) {
      console.log(`    ${name}: ${brotli} bytes, ${LIMITS[name]} are the limit`);
      process.exitCode = 1;
    }
