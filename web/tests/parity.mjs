/**
 * Compares results bit for bit: every specimen at each integer precision, by both binaries in
 * Chromium, by Firefox and WebKitGTK, and by the command line on this machine and on aarch64 under
 * qemu. Digests of picture and logits, text, confidences and positions must be equal.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { arch } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { firefox } from "./gecko.mjs";
import { readByHand } from "./hands.mjs";
import { webkit } from "./webkitgtk.mjs";
import { CHROMIUM, repository, site } from "./site.mjs";

const PRECISIONS = ["u4", "u8"];
const folder = join(repository, "testdata/specimens");
const files = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp|bmp)$/.test(name)).sort();
assert.ok(files.length > 0, "there are no specimens");

/** Selects what must be equal. Numbers are compared as f32, whatever digits their writer chose. */
const essence = ({ gray_digest, digest, lines, raw_lines, valid, confidences, quads }) => ({
  gray_digest,
  digest,
  lines,
  raw_lines,
  valid,
  confidences: confidences.map((line) => line.map(Math.fround)),
  quads: quads.map((quad) =>
    quad.map((point) => (Array.isArray(point) ? point : [point.x, point.y]).map(Math.fround)),
  ),
});

function native(program, environment, precision) {
  const paths = files.map((name) => join(folder, name));
  const [command, ...rest] = program;
  const text = execFileSync(
    command,
    [...rest, "read", ...paths, "--precision", precision, "--json"],
    {
      encoding: "utf8",
      maxBuffer: 1 << 26,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const found = new Map(
    JSON.parse(text).map((element) => [element.file.split("/").at(-1), essence(element)]),
  );
  return files.map((name) => found.get(name));
}

async function everything(read, precision) {
  const results = [];
  for (const name of files) {
    const result = await read((await readFile(join(folder, name))).toString("base64"), precision);
    if ("failed" in result) throw new Error(`${name}: ${result.failed}`);
    results.push(essence(result));
  }
  return results;
}

const { address, close } = await site();
const own = join(repository, "target/release/native-bench");
const arm64 = join(repository, "target/aarch64-unknown-linux-musl/emulated/native-bench");
const engines = new Map([
  [`native ${arch()}`, (precision) => native([own], {}, precision)],
  [
    "native aarch64, qemu cortex-a53",
    (precision) => native(["qemu-aarch64-static", arm64], { QEMU_CPU: "cortex-a53" }, precision),
  ],
  [
    "native aarch64, qemu max",
    (precision) => native(["qemu-aarch64-static", arm64], { QEMU_CPU: "max" }, precision),
  ],
]);
const browser = await chromium.launch(CHROMIUM);
for (const binary of ["simd128", "relaxed"]) {
  engines.set(`Chromium ${binary}`, async (precision) => {
    const page = await browser.newPage();
    await page.goto(`${address}?binary=${binary}`);
    const results = await everything(
      (base64, p) => page.evaluate(`(${readByHand})(${JSON.stringify(base64)}, "${p}")`),
      precision,
    );
    await page.close();
    return results;
  });
}
const gecko = await firefox();
const gtk = await webkit();
for (const [name, driver] of [
  ["Firefox", gecko],
  ["WebKitGTK", gtk.session],
]) {
  engines.set(name, async (precision) => {
    await driver.get(address);
    const script = `const [base64, precision, done] = arguments; (${readByHand})(base64, precision).then(done, (error) => done({ failed: String(error) }))`;
    return everything((base64, p) => driver.executeAsyncScript(script, base64, p), precision);
  });
}

let passed = 0;
let failed = 0;
for (const precision of PRECISIONS) {
  let reference;
  for (const [name, read] of engines) {
    const results = await read(precision);
    reference ??= results;
    for (const [index, file] of files.entries()) {
      try {
        assert.deepEqual(results[index], reference[index]);
        passed += 1;
      } catch (error) {
        failed += 1;
        console.log(`    NOT ${precision} ${file} on ${name}\n${error.message}`);
      }
    }
    console.log(`    ${precision} ${name}: ${files.length} pictures compared`);
  }
}
console.log(`    ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
await gecko.quit();
await gtk.quit();
await browser.close();
close();
