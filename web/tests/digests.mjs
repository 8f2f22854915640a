/**
 * Reads the specimens with the npm package and compares their digests with those that every machine
 * must find. Runs in Node and in Deno; prints how many digests there are and how many are equal.
 *
 *     node tests/digests.mjs
 */
import { readFile } from "node:fs/promises";
import { Reader } from "../pkg/index.js";

const wanted = JSON.parse(
  await readFile(new URL("../src/bench/digests.json", import.meta.url), "utf8"),
);
let [digests, equal] = [0, 0];
for (const precision of ["u8", "u4"]) {
  const reader = await Reader.create({ precision });
  for (const [file, of] of Object.entries(wanted)) {
    const bytes = await readFile(new URL(`../../testdata/specimens/${file}`, import.meta.url));
    const { gray_digest: gray, digest } = await reader.read(bytes);
    digests += 2;
    equal += Number(gray === of.gray) + Number(digest === of[precision]);
  }
  reader.dispose();
}
console.log(JSON.stringify({ digests, equal }));
process.exit();
