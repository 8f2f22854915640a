/**
 * Tests the npm package as it is published: in Node, as servers run it, and in Chromium with every
 * kind of picture that it takes, and with what is none.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM, site, suite, web } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const PICTURE = "passport.jpg";
const lines = expected.get(PICTURE);
const browser = await chromium.launch(CHROMIUM);
const packaged = await site(join(web, "pkg"));
const encoded = (await readFile(specimen(PICTURE))).toString("base64");

// A project with the package installed, as `npm install` does for a dependency on a folder.
const project = await mkdtemp(join(tmpdir(), "nibble-package-"));
await mkdir(join(project, "node_modules"));
await symlink(join(web, "pkg"), join(project, "node_modules/nibble-mrz"));
await writeFile(join(project, "package.json"), '{ "type": "module" }');

/** Runs a module in Node; what it prints as JSON comes back. */
async function inNode(code) {
  await writeFile(join(project, "run.js"), code);
  const output = execFileSync("node", ["run.js", specimen(PICTURE)], { cwd: project });
  return JSON.parse(output);
}

/**
 * Runs a function in a page that contains only the package. Its argument holds the package, the
 * bytes of a picture, a function that gives the code of a rejection, and one that gives the lines of
 * a reading.
 */
async function inPage(work) {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  const blank = `${packaged.address}blank.html`;
  await page.route(blank, (route) => route.fulfill({ contentType: "text/html", body: "" }));
  await page.goto(blank);
  const script = `(async (address, text) => {
    const picture = () => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const codeOf = (promise) => promise.then(() => "none", ({ name, code }) => \`\${name} \${code}\`);
    const nibble = await import(address + "index.js");
    return (${work})({ nibble, picture, codeOf, address });
  })(${JSON.stringify(packaged.address)}, ${JSON.stringify(encoded)})`;
  const result = await page.evaluate(script);
  await page.close();
  return result;
}

await suite([
  [
    "Node finds the package's files and reads bytes and Blobs",
    async () => {
      const results = await inNode(`
        import { readFile } from "node:fs/promises";
        import { Reader, supported } from "nibble-mrz";
        const bytes = await readFile(process.argv[2]);
        const results = [];
        for (const precision of ["u4", "u8"]) {
          const reader = await Reader.create({ precision });
          for (const source of [bytes, new Blob([bytes]), new DataView(bytes.buffer, bytes.byteOffset, bytes.length)]) {
            const { lines, valid, digest } = await reader.read(source);
            results.push({ lines, valid, digest });
          }
          reader.dispose();
        }
        console.log(JSON.stringify({ results, supported: supported() }));`);
      assert.ok(["relaxed", "simd128"].includes(results.supported));
      assert.equal(results.results.length, 6);
      for (const result of results.results) {
        assert.deepEqual(result.lines, lines);
        assert.equal(result.valid, true);
      }
      const reference = JSON.parse(await readFile(join(web, "src/bench/digests.json"), "utf8"))[
        PICTURE
      ];
      assert.equal(results.results[0].digest, reference.u4);
      assert.equal(results.results[3].digest, reference.u8);
    },
  ],
  [
    "a server hands over the files as bytes; pixels need no canvas",
    async () => {
      const { binary, again, other, found, document } = await inNode(`
        import { readFile } from "node:fs/promises";
        import { Reader, init } from "nibble-mrz";
        const pkg = (name) => readFile("node_modules/nibble-mrz/" + name);
        const options = {
          binary: "simd128",
          wasm: await pkg("nibble-simd128.wasm"),
          picture: await pkg("nibble-picture.wasm"),
          models: { u4: await pkg("models/ocr-u4.safetensors") },
        };
        // Nothing but these bytes may be needed.
        globalThis.fetch = () => Promise.reject(new Error("no network"));
        process.getBuiltinModule = () => undefined;
        const binary = await init(options);
        const again = await init({ ...options });
        const other = await init({ ...options, wasm: await pkg("nibble-simd128.wasm") }).catch(({ code }) => code);
        const reader = await Reader.create();
        const { lines, document } = await reader.read(await readFile(process.argv[2]));
        const white = { width: 3000, height: 2000, data: new Uint8Array(24e6).fill(255) };
        const blank = await reader.read(white);
        console.log(JSON.stringify({ binary, again, other, found: [lines, blank.lines], document }));`);
      assert.deepEqual([binary, again, other], ["simd128", "simd128", "AlreadyInitialised"]);
      assert.deepEqual(found, [lines, []]);
      // From the second line: number, birth and expiry with their check digits.
      const [, second] = lines;
      assert.equal(
        document.mrz_key,
        second.slice(0, 10) + second.slice(13, 20) + second.slice(21, 28),
      );
    },
  ],
  [
    "rendering on a server imports the package without a browser",
    async () => {
      const names = await inNode(`
        const parts = await Promise.all(["nibble-mrz", "nibble-mrz/explain", "nibble-mrz/elements", "nibble-mrz/parts"].map((name) => import(name)));
        console.log(JSON.stringify(parts.map((part) => Object.keys(part).length > 0)));`);
      assert.ok(names.every(Boolean));
    },
  ],
  [
    "every kind of picture is read",
    async () => {
      const results = await inPage(async ({ nibble, picture }) => {
        const reader = await nibble.Reader.create();
        const bytes = picture();
        const blob = new Blob([bytes], { type: "image/jpeg" });
        const around = new Uint8Array(bytes.length + 20);
        around.set(bytes, 7);
        const bitmap = await createImageBitmap(blob);
        const canvas = Object.assign(document.createElement("canvas"), {
          width: bitmap.width,
          height: bitmap.height,
        });
        canvas.getContext("2d").drawImage(bitmap, 0, 0);
        const offscreen = new OffscreenCanvas(bitmap.width, bitmap.height);
        offscreen.getContext("2d").drawImage(bitmap, 0, 0);
        const image = new Image();
        image.src = URL.createObjectURL(blob);
        await image.decode();
        const pixels = canvas.getContext("2d").getImageData(0, 0, bitmap.width, bitmap.height);
        const frame = new VideoFrame(bitmap, { timestamp: 0 });
        const short = new Uint16Array((bytes.length + 1) >> 1);
        new Uint8Array(short.buffer).set(bytes);
        const sources = {
          Uint8Array: bytes,
          ArrayBuffer: bytes.slice().buffer,
          DataView: new DataView(around.buffer, 7, bytes.length),
          Uint16Array: short,
          Blob: blob,
          File: new File([bytes], "passport.jpg"),
          ImageData: pixels,
          pixels: { width: pixels.width, height: pixels.height, data: pixels.data },
          ImageBitmap: bitmap,
          VideoFrame: frame,
          HTMLImageElement: image,
          HTMLCanvasElement: canvas,
          OffscreenCanvas: offscreen,
        };
        const results = {};
        for (const [name, source] of Object.entries(sources)) {
          const { lines, gray_digest } = await reader.read(source);
          const { frames } = await reader.fuse(source);
          reader.forget();
          results[name] = { lines, gray_digest, frames };
        }
        return results;
      });
      assert.equal(Object.keys(results).length, 13);
      for (const [name, { lines: found, frames }] of Object.entries(results)) {
        assert.deepEqual(found, lines, name);
        assert.equal(frames, 1, name);
      }
      const digest = (name) => results[name].gray_digest;
      for (const name of ["ArrayBuffer", "DataView", "Uint16Array", "Blob", "File"])
        assert.equal(digest(name), digest("Uint8Array"), name);
      for (const name of ["pixels", "ImageBitmap", "OffscreenCanvas"])
        assert.equal(digest(name), digest("ImageData"), name);
    },
  ],
  [
    "what is no picture gets a code of its own, and the reader goes on",
    async () => {
      const { codes, after } = await inPage(async ({ nibble, picture, codeOf }) => {
        const reader = await nibble.Reader.create();
        const moved = picture();
        const movedPixels = new ImageData(8, 8);
        structuredClone(0, { transfer: [] });
        structuredClone(moved, { transfer: [moved.buffer] });
        structuredClone(movedPixels.data, { transfer: [movedPixels.data.buffer] });
        const closed = await createImageBitmap(new ImageData(4, 4));
        closed.close();
        const sources = {
          null: null,
          undefined: undefined,
          text: "passport.jpg",
          number: 7,
          object: {},
          array: [1, 2, 3],
          moved,
          movedPixels,
          closed,
          unloaded: new Image(),
          luma: { luma: new Uint8Array(4), width: 2, height: 2, size: { width: 2, height: 2 } },
          empty: new Uint8Array(),
          emptyBlob: new Blob([]),
          words: new Blob(["these are words"]),
          pixelsMissing: { width: 9, height: 9, data: new Uint8ClampedArray(4) },
          huge: new Uint8Array(140e6),
        };
        const codes = {};
        for (const [name, source] of Object.entries(sources))
          codes[name] = await codeOf(reader.read(source));
        codes.precision = await codeOf(nibble.Reader.create({ precision: "u5" }));
        return { codes, after: (await reader.read(picture())).lines };
      });
      const wrong = "NibbleError InvalidArgument";
      assert.deepEqual(codes, {
        null: wrong,
        undefined: wrong,
        text: wrong,
        number: wrong,
        object: wrong,
        array: wrong,
        moved: wrong,
        movedPixels: wrong,
        closed: wrong,
        unloaded: wrong,
        luma: wrong,
        empty: "NibbleError Empty",
        emptyBlob: "NibbleError Empty",
        words: "NibbleError NotAPicture",
        pixelsMissing: "NibbleError Broken",
        huge: "NibbleError TooLarge",
        precision: wrong,
      });
      assert.deepEqual(after, lines);
    },
  ],
  [
    "large pixels are read up to the limit, whatever was read before",
    async () => {
      const { codes, lines: found } = await inPage(async ({ nibble, picture, codeOf }) => {
        const reader = await nibble.Reader.create();
        const bitmap = await createImageBitmap(new Blob([picture()]));
        const { lines, size } = await (async () => {
          // The document in a corner of a large white sheet: 25 megapixels are 100 MB of colours.
          const canvas = new OffscreenCanvas(6250, 4000);
          const context = canvas.getContext("2d", { willReadFrequently: true });
          context.fillStyle = "#fff";
          context.fillRect(0, 0, 6250, 4000);
          context.drawImage(bitmap, 0, 0, 3200, (3200 * bitmap.height) / bitmap.width);
          const pixels = context.getImageData(0, 0, 6250, 4000);
          const { lines } = await reader.read(pixels);
          return { lines, size: pixels.data.length };
        })();
        const codes = [
          size,
          await codeOf(
            reader.read({ width: 6600, height: 4000, data: new Uint8Array(105_600_000) }),
          ),
          await codeOf(reader.read(picture())),
        ];
        return { codes, lines };
      });
      assert.deepEqual(found, lines);
      assert.deepEqual(codes, [100_000_000, "NibbleError TooLarge", "none"]);
    },
  ],
  [
    "a model that arrived in part is fetched anew, past the cache",
    async () => {
      const { codes, caches } = await inPage(async ({ nibble, codeOf }) => {
        const { fetch } = globalThis;
        const caches = [];
        let broken = true;
        globalThis.fetch = async (file, options = {}) => {
          const isModel = String(file).endsWith(".safetensors");
          if (isModel) caches.push(options.cache ?? "default");
          const response = await fetch(file, options);
          if (!isModel || !broken) return response;
          return new Response((await response.arrayBuffer()).slice(0, 9000));
        };
        const first = await codeOf(nibble.Reader.create());
        broken = false;
        return { codes: [first, await codeOf(nibble.Reader.create())], caches };
      });
      assert.deepEqual(codes, ["NibbleError ModelInvalid", "none"]);
      assert.deepEqual(caches, ["default", "reload"]);
    },
  ],
  [
    "a decoder that did not arrive fails its call, however late the file's bytes are",
    async () => {
      const codes = await inPage(async ({ nibble, picture, codeOf }) => {
        const reader = await nibble.Reader.create();
        const { fetch } = globalThis;
        globalThis.fetch = async () => new Response("", { status: 503 });
        const slow = new Blob([picture()]);
        slow.arrayBuffer = async () => {
          await new Promise((resolve) => setTimeout(resolve, 300));
          globalThis.fetch = fetch;
          return picture().buffer;
        };
        const first = await codeOf(reader.read(slow));
        globalThis.fetch = fetch;
        return [first, await codeOf(reader.read(new Blob([picture()])))];
      });
      assert.deepEqual(codes, ["NibbleError LoadFailed", "none"]);
    },
  ],
  [
    "progress counts the bytes that have arrived",
    async () => {
      const counts = await inPage(async ({ nibble }) => {
        const counts = [];
        await nibble.init({ onProgress: ({ loaded }) => counts.push(loaded) });
        await nibble.Reader.create();
        await new Promise((resolve) => setTimeout(resolve, 100));
        return counts;
      });
      assert.ok(
        counts.length > 1 && counts.every((count, index) => count > (counts[index - 1] ?? 0)),
      );
      const size = async (name) => (await readFile(join(web, "pkg", name))).length;
      const whole = (await size("nibble-relaxed.wasm")) + (await size("models/ocr-u4.safetensors"));
      assert.equal(counts.at(-1), whole);
    },
  ],
]);

await browser.close();
packaged.close();
await rm(project, { recursive: true });
