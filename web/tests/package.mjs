/**
 * Tests the npm package as it is published: in Node, as servers run it, and in Chromium with every
 * kind of picture that it takes, and with what is none.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { PORTRAIT, photograph } from "./card.mjs";
import { CHROMIUM, repository, site, suite, web } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const PICTURE = "passport.jpg";
/** A picture that is no JPEG file. */
const SCAN = "id-td2-scan.png";
const lines = expected.get(PICTURE);
/** What every machine finds in the specimens. */
const digests = JSON.parse(await readFile(join(web, "src/bench/digests.json"), "utf8"));
const browser = await chromium.launch(CHROMIUM);
const packaged = await site(join(web, "pkg"));
const encoded = (await readFile(specimen(PICTURE))).toString("base64");

// A project with the package installed, as `npm install` does for a dependency on a folder.
const project = await mkdtemp(join(tmpdir(), "nibble-package-"));
await mkdir(join(project, "node_modules"));
await symlink(join(web, "pkg"), join(project, "node_modules/nibble-mrz"));
await writeFile(join(project, "package.json"), '{ "type": "module" }');

/** Runs a module; what it prints as JSON comes back. `command` is what runs modules. */
async function inRuntime([program, ...options], code) {
  await writeFile(join(project, "run.js"), code);
  const output = execFileSync(program, [...options, "run.js", specimen(PICTURE)], { cwd: project });
  return JSON.parse(output);
}
const inNode = (code) => inRuntime(["node"], code);

/** The command that runs modules in Deno; undefined where there is no Deno. */
function denoCommand() {
  const program = process.env.DENO ?? "deno";
  try {
    console.log(
      `        ${execFileSync(program, ["--version"], { encoding: "utf8" }).split("\n")[0]}`,
    );
  } catch (error) {
    // A Deno that was named must be there.
    if (process.env.DENO !== undefined || error.code !== "ENOENT") throw error;
    return undefined;
  }
  return [program, "run", "--quiet", "--no-prompt", "--allow-read", "--node-modules-dir=manual"];
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

/** The tensors of a safetensors file. */
function tensorsOf(file) {
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString());
  delete header.__metadata__;
  return new Map(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => [name, { dtype, shape, data: file.subarray(8 + length + from, 8 + length + to) }],
    ),
  );
}

/** Networks with golden vectors: the inputs, and what the outputs must be. */
async function goldenGraphs() {
  const folder = join(repository, "testdata/golden/graphs");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".golden.safetensors"));
  return Promise.all(
    names.map(async (golden) => {
      const name = golden.replace(".golden.safetensors", "");
      const model = await readFile(join(folder, `${name}.safetensors`));
      const tensors = tensorsOf(await readFile(join(folder, golden)));
      const inputs = [...tensors]
        .filter(([tensor]) => tensor.startsWith("input."))
        .map(
          ([
            tensor,
            {
              dtype,
              shape: [height, width],
              data,
            },
          ]) => ({
            name: tensor.slice("input.".length),
            dtype,
            height,
            width,
            data: data.toString("base64"),
          }),
        );
      return { name, model: model.toString("base64"), inputs, wanted: tensors };
    }),
  );
}

/** Runs networks; returns the outputs of each, with their bytes in base64. Runs anywhere. */
async function outputsOf({ Network, realsOf, graphs, binary }) {
  const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const all = [];
  for (const { model, inputs } of graphs) {
    const network = await Network.load(bytesOf(model), binary && { binary });
    const given = {};
    for (const { name, dtype, height, width, data } of inputs) {
      const bytes = bytesOf(data);
      given[name] = {
        data: dtype === "F32" ? new Float32Array(bytes.buffer) : bytes,
        height,
        width,
      };
    }
    const outputs = Object.values(network.run(given));
    network.dispose();
    all.push(
      outputs.map((output) => {
        const bytes = new Uint8Array(output.values.buffer);
        const reals = [...realsOf(output)];
        const { name, type, shape, scales, zeroPoints } = output;
        const data = btoa(String.fromCharCode(...bytes));
        return { name, type, shape, scales, zeroPoints, reals, data };
      }),
    );
  }
  return all;
}

/** Compares the outputs of a network with its golden vectors. */
function assertGolden({ name: graph, wanted }, outputs) {
  assert.ok(outputs.length > 0, graph);
  for (const { name, type, shape, scales, zeroPoints, reals, data } of outputs) {
    const golden = wanted.get(name);
    const at = `${graph} ${name}`;
    assert.deepEqual(shape, golden.shape, at);
    const found = Buffer.from(data, "base64");
    const elements = (bytes) => {
      const { buffer } = Uint8Array.from(bytes);
      if (type === "f32") return new Float32Array(buffer);
      return type === "i32" ? new Int32Array(buffer) : new Uint8Array(buffer);
    };
    elements(golden.data).forEach((element, place) => {
      if (type === "f32") {
        const difference = Math.abs(reals[place] - element);
        assert.ok(difference <= 1e-4 * Math.max(1, Math.abs(element)), at);
      } else {
        const of = (list, none) => list[list.length > 1 ? place % shape[2] : 0] ?? none;
        assert.equal(reals[place], Math.fround((element - of(zeroPoints, 0)) * of(scales, 1)), at);
      }
    });
    if (type !== "f32") assert.deepEqual(found, golden.data, at);
  }
}

/** Reads with the files that the package finds by itself. */
async function findsItsFiles(command) {
  const results = await inRuntime(
    command,
    `
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
        console.log(JSON.stringify({ results, supported: supported() }));`,
  );
  assert.ok(["relaxed", "simd128"].includes(results.supported));
  assert.equal(results.results.length, 6);
  for (const result of results.results) {
    assert.deepEqual(result.lines, lines);
    assert.equal(result.valid, true);
  }
  const reference = digests[PICTURE];
  assert.equal(results.results[0].digest, reference.u4);
  assert.equal(results.results[3].digest, reference.u8);
}

/** Reads with files that are handed over as bytes. */
async function takesBytes(command) {
  const { binary, again, other, found, document } = await inRuntime(
    command,
    `
        import { readFile } from "node:fs/promises";
        import { Reader, init } from "nibble-mrz";
        const pkg = (name) => readFile("node_modules/nibble-mrz/" + name);
        const options = {
          binary: "simd128",
          wasm: await pkg("nibble-simd128.wasm"),
          picture: {
            jpeg: await pkg("nibble-picture-jpeg.wasm"),
            other: await pkg("nibble-picture-other.wasm"),
          },
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
        const scan = await reader.read(await readFile(${JSON.stringify(specimen(SCAN))}));
        const white = { width: 3000, height: 2000, data: new Uint8Array(24e6).fill(255) };
        const blank = await reader.read(white);
        const found = [lines, scan.lines, blank.lines];
        console.log(JSON.stringify({ binary, again, other, found, document }));`,
  );
  assert.deepEqual([binary, again, other], ["simd128", "simd128", "AlreadyInitialised"]);
  assert.deepEqual(found, [lines, expected.get(SCAN), []]);
  // From the second line: number, birth and expiry with their check digits.
  const [, second] = lines;
  assert.equal(document.mrz_key, second.slice(0, 10) + second.slice(13, 20) + second.slice(21, 28));
}

const deno = denoCommand();
await suite([
  ["Node finds the package's files and reads bytes and Blobs", () => findsItsFiles(["node"])],
  ["a server hands over the files as bytes; pixels need no canvas", () => takesBytes(["node"])],
  [
    "Node loads a decoder with the first file for it, and both find what every machine finds",
    async () => {
      const isJpeg = (name) => name.endsWith(".jpg");
      const names = Object.keys(digests).sort((a, b) => isJpeg(b) - isJpeg(a));
      const found = await inNode(`
        const files = process.getBuiltinModule("node:fs/promises");
        const { readFile } = files;
        const decoders = [];
        files.readFile = (file, ...options) => {
          const name = String(file).split("/").at(-1);
          if (name.startsWith("nibble-picture")) decoders.push(name);
          return readFile(file, ...options);
        };
        const { Reader } = await import("nibble-mrz");
        const reader = await Reader.create();
        const found = [];
        for (const path of ${JSON.stringify(names.map(specimen))}) {
          const { gray_digest, digest } = await reader.read(await readFile(path));
          found.push({ gray: gray_digest, u4: digest, decoders: [...decoders] });
        }
        console.log(JSON.stringify(found));`);
      const [jpeg, other] = ["nibble-picture-jpeg.wasm", "nibble-picture-other.wasm"];
      const wanted = names.map((name) => ({
        gray: digests[name].gray,
        u4: digests[name].u4,
        decoders: isJpeg(name) ? [jpeg] : [jpeg, other],
      }));
      assert.deepEqual(found, wanted);
    },
  ],
  [
    "rendering on a server imports the package without a browser",
    async () => {
      const names = await inNode(`
        const parts = await Promise.all(["nibble-mrz", "nibble-mrz/explain", "nibble-mrz/elements", "nibble-mrz/network", "nibble-mrz/parts"].map((name) => import(name)));
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
    "kernels race when there is nothing to read, and readings stay the same",
    async () => {
      const { races, digests } = await inPage(async ({ nibble, picture, address }) => {
        const { Engine } = await import(`${address}engine.js`);
        const { race } = Engine.prototype;
        let count = 0;
        Engine.prototype.race = function (...model) {
          count += 1;
          return race.apply(this, model);
        };
        const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
        const reader = await nibble.Reader.create();
        const races = [count];
        const digests = [(await reader.read(picture())).digest];
        await pause();
        // A reading waits for a race that has begun.
        digests.push((await reader.read(picture())).digest);
        races.push(count);
        (await nibble.Reader.create()).dispose();
        await pause();
        return { races: [...races, count], digests };
      });
      assert.deepEqual(races, [0, 1, 1]);
      assert.equal(digests[0], digests[1]);
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
  [
    "Node runs networks of any kind, with the same integers as every machine",
    async () => {
      const graphs = await goldenGraphs();
      assert.ok(graphs.length > 15);
      await writeFile(join(project, "graphs.json"), JSON.stringify(graphs));
      const outputs = await inNode(`
        import { readFile } from "node:fs/promises";
        import { Network, realsOf } from "nibble-mrz/network";
        const graphs = JSON.parse(await readFile("graphs.json"));
        const all = await (${outputsOf})({ Network, realsOf, graphs, binary: "simd128" });
        console.log(JSON.stringify(all));`);
      graphs.forEach((graph, at) => assertGolden(graph, outputs[at]));
    },
  ],
  [
    "a network says what it takes, and what is wrong",
    async () => {
      const digits = join(repository, "examples/digits/digits.safetensors");
      const ocr = join(repository, "models/ocr-u4.safetensors");
      const found = await inNode(`
        import { readFile } from "node:fs/promises";
        import { pathToFileURL } from "node:url";
        import { Network } from "nibble-mrz/network";
        const bytes = await readFile(${JSON.stringify(digits)});
        const network = await Network.load(bytes);
        // The file's bytes may be used for something else.
        bytes.fill(0);
        const codeOf = (work) => {
          try { work(); } catch ({ name, code, message }) { return [name, code, message].join("; "); }
          return "none";
        };
        const image = new Uint8Array(64);
        const strips = await Network.load(pathToFileURL(${JSON.stringify(ocr)}));
        const other = await readFile(${JSON.stringify(digits)});
        other.write("conv2x", other.indexOf("conv2d"));
        const broken = "data:application/octet-stream;base64," + other.toString("base64");
        const answers = {
          about: [network.name, network.hash.length, network.inputs],
          peak: [network.peakBytes(), strips.peakBytes({ width: 64 }) < strips.peakBytes({ gray: { width: 320 } })],
          short: codeOf(() => network.run(image.subarray(1))),
          reals: codeOf(() => network.run(new Float32Array(64))),
          text: codeOf(() => network.run("image")),
          name: codeOf(() => network.run({ picture: image })),
          missing: codeOf(() => network.run({})),
          kind: codeOf(() => network.run({ image: [1, 2] })),
          size: codeOf(() => network.run({ data: image, height: 4, width: 16 })),
          side: codeOf(() => strips.run({ data: image, height: 24 })),
          negative: codeOf(() => strips.peakBytes({ width: -8 })),
          large: codeOf(() => strips.run({ data: image, width: 3_000_000 })),
          moved: await Network.load(other).then(() => "none", ({ code, message }) => code + "; " + message),
          named: await Network.load(broken).then(() => "none", ({ code, message }) => [code, message.startsWith(broken)].join("; ")),
          nothing: await Network.load(7).catch(({ code }) => code),
          absent: await Network.load("file:///nowhere.safetensors").catch(({ code }) => code),
          options: await Network.load(other, { binary: "simd128" }).then(() => "none", ({ code }) => code),
        };
        const whole = await readFile(${JSON.stringify(digits)});
        const limited = async (limits) => {
          const network = await Network.load(whole, limits);
          return codeOf(() => network.run(image));
        };
        const maxBytes = network.peakBytes();
        answers.limits = [
          await limited({ maxBytes }),
          await limited({ maxBytes: maxBytes - 1 }),
          await limited({ maxMultiplyAdds: 1e6 }),
          await limited({ maxBytes, maxMultiplyAdds: 1000 }),
          await limited({ maxBytes: 1e12 }),
        ].map((answer) => answer.split("; ").slice(0, 2).join("; "));
        answers.limit = await limited({ maxBytes: -1 }).catch(({ code }) => code);
        const before = network.run(image);
        network.dispose();
        network.dispose();
        answers.disposed = codeOf(() => network.run(image));
        answers.runs = [Object.values(before)[0].shape, strips.run({ data: new Uint8Array(24 * 64), width: 64 }).conv4 === undefined];
        console.log(JSON.stringify(answers));`);
      assert.deepEqual(found.about.slice(0, 2), ["digits", 16]);
      const { scales, zeroPoints, ...input } = found.about[2][0];
      assert.deepEqual(input, { name: "image", type: "u8", channels: 1, height: 8, width: 8 });
      assert.equal(scales.length + zeroPoints.length, 2);
      assert.ok(found.peak[0] > 0 && found.peak[1]);
      const wrong = "NibbleError; InvalidArgument; ";
      assert.equal(
        found.short,
        `${wrong}input \`image\`: its number of values does not match its size`,
      );
      assert.equal(found.reals, `${wrong}input \`image\`: it is given as bytes`);
      assert.ok(found.text.startsWith(`${wrong}an input is`), found.text);
      assert.equal(found.name, `${wrong}the network has no input \`picture\`, but image`);
      assert.equal(found.missing, `${wrong}input \`image\`: it is missing`);
      assert.equal(found.kind, `${wrong}input \`image\`: it is of another type`);
      assert.equal(found.size, `${wrong}input \`image\`: the graph wants another size`);
      assert.ok(found.side.startsWith(`${wrong}input \`gray\`: give its height and width`));
      assert.ok(found.negative.startsWith(wrong), found.negative);
      assert.ok(found.large.startsWith("NibbleError; TooLarge; "), found.large);
      const large = "NibbleError; TooLarge";
      assert.deepEqual(found.limits, ["none", large, "none", large, "none"]);
      assert.equal(found.limit, "InvalidArgument");
      assert.ok(found.moved.startsWith("ModelInvalid; ") && found.moved.includes("conv2x"));
      assert.equal(found.named, "ModelInvalid; true");
      assert.deepEqual(
        [found.nothing, found.absent, found.options],
        ["InvalidArgument", "LoadFailed", "AlreadyInitialised"],
      );
      assert.ok(found.disposed.startsWith("NibbleError; Disposed; "));
      assert.deepEqual(found.runs[0], [1, 1, 10]);
    },
  ],
  [
    "a worker in Chromium runs the same networks, and a trap costs one run",
    async () => {
      const graphs = await goldenGraphs();
      const { error, binary, outputs, trapped, after } = await inPage(`async ({ address }) => {
        const code = \`
          import { Network, initNetworks, realsOf } from "\${address}network.js";
          const outputsOf = ${outputsOf};
          const answer = async (graphs) => {
            const fixed = graphs.find(({ name }) => name === "exported");
            const binary = await initNetworks();
            const outputs = await outputsOf({ Network, realsOf, graphs });
            const network = await Network.load(Uint8Array.from(atob(fixed.model), (c) => c.charCodeAt(0)));
            // What copies the input into the engine's memory stops as a trap does.
            const { set } = Uint8Array.prototype;
            Uint8Array.prototype.set = () => { throw new WebAssembly.RuntimeError("unreachable"); };
            let trapped = "none";
            const { name, height, width } = fixed.inputs[0];
            try {
              const channels = network.inputs[0].channels;
              network.run({ data: new Uint8Array(height * width * channels), height, width });
            } catch (error) {
              trapped = error.code;
            }
            Uint8Array.prototype.set = set;
            const after = await outputsOf({ Network, realsOf, graphs: [fixed] });
            const again = network.peakBytes({ [name]: { height, width } });
            return { binary, outputs, trapped, after: [after[0], again > 0] };
          };
          self.onmessage = ({ data }) =>
            answer(data).then((answer) => self.postMessage(answer), (error) => self.postMessage({ error: String(error) }));\`;
        const worker = new Worker(
          URL.createObjectURL(new Blob([code], { type: "text/javascript" })),
          { type: "module" },
        );
        const data = await new Promise((resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
          worker.postMessage(${JSON.stringify(graphs)});
        });
        worker.terminate();
        return data;
      }`);
      assert.equal(error, undefined);
      assert.equal(binary, "relaxed");
      graphs.forEach((graph, at) => assertGolden(graph, outputs[at]));
      assert.equal(trapped, "Trapped");
      assertGolden(
        graphs.find(({ name }) => name === "exported"),
        after[0],
      );
      assert.ok(after[1]);
    },
  ],
  [
    "in Node: a document and its portrait are straightened, to three millimetres",
    async () => {
      const { Reader } = await import(join(web, "pkg/index.js"));
      const { straighten } = await import(join(web, "pkg/straighten.js"));
      const { withFile } = await import(join(web, "pkg/source.js"));
      const reader = await Reader.create();
      const scan = await readFile(specimen("id-td2-scan.png"));
      const { quads } = await reader.read(scan);
      const zone = await withFile(scan, ({ gray, ...size }) => ({
        ...size,
        gray: gray.slice(),
      }));
      const size = { width: 1280, height: 960 };
      for (const { corners, cut = 0 } of [
        {
          corners: [
            [100, 80],
            [1140, 80],
            [1140, 813],
            [100, 813],
          ],
        },
        {
          corners: [
            [130, 90],
            [1180, 150],
            [1120, 860],
            [70, 770],
          ],
        },
        {
          corners: [
            [180, 130],
            [1090, 100],
            [1190, 880],
            [90, 860],
          ],
        },
        // On its head.
        {
          corners: [
            [1180, 860],
            [110, 840],
            [90, 110],
            [1150, 90],
          ],
        },
        // A tenth of it lies below the picture.
        {
          corners: [
            [100, 300],
            [1140, 300],
            [1140, 1033],
            [100, 1033],
          ],
          cut: 73 / 733,
        },
      ]) {
        const photo = photograph(zone, quads, size, corners);
        const result = await reader.read(photo);
        assert.deepEqual(result.lines, expected.get("id-td2-scan.png"));
        const { document, portrait } = await straighten(photo, result);
        for (const [index, [x, y]] of document.quad.entries()) {
          const [u, v] = corners[index];
          // Ten pixels are a millimetre. Between the lines of the zone are six of them, so that
          // half a pixel there becomes six at the upper edge.
          const limit = index < 2 ? 30 : 8;
          const error = Math.hypot(x - u, y - v);
          assert.ok(error < limit, `corner ${index} of ${corners}: ${error} pixels`);
        }
        assert.equal(document.gray.length, document.width * document.height);
        assert.ok(Math.abs(document.width / document.height - 105 / 74) < 0.01);
        assert.ok(Math.abs(document.outside - cut) < 0.02, `${document.outside}`);
        assert.ok(document.width > 950 && document.width < 1200, `${document.width}`);
        // Within the place of the portrait, the drawn one is where it was drawn.
        const density = document.width / 105;
        const row = Math.round((PORTRAIT.top + PORTRAIT.height / 2) * density);
        const dark = (x) => document.gray[row * document.width + Math.round(x * density)] < 100;
        assert.deepEqual([3, 8, 20, 31, 35].map(dark), [false, true, true, true, false]);
        const { width, height, gray } = portrait;
        assert.ok(gray[(height >> 1) * width + (width >> 1)] < 100);
        assert.ok(gray[(height >> 1) * width + width - 2] > 150);
      }
      reader.dispose();
    },
  ],
  [
    "what cannot be straightened says why",
    async () => {
      const { Reader } = await import(join(web, "pkg/index.js"));
      const { straighten } = await import(join(web, "pkg/straighten.js"));
      const reader = await Reader.create();
      const read = async (name) => {
        const file = await readFile(specimen(name));
        return { file, result: await reader.read(file) };
      };
      const why = ({ document, portrait, no_document, no_portrait }) => [
        document === null ? no_document : "document",
        portrait === null ? (no_portrait ?? "none") : "portrait",
      ];
      for (const [name, reasons] of [
        ["id-card-back.jpg", ["document", "other_side"]],
        ["visa-a.jpg", ["document", "no_standard_place"]],
        ["visa-b.webp", ["document", "no_standard_place"]],
        ["id-card-front.jpg", ["not_read", "none"]],
        ["passport-12mp.jpg", ["document", "portrait"]],
      ]) {
        const { file, result } = await read(name);
        assert.deepEqual(why(await straighten(file, result)), reasons, name);
      }
      const { file, result } = await read(PICTURE);
      const as = (format, quads = result.quads) =>
        straighten(file, { document: { ...result.document, format }, quads }).then(why);
      assert.deepEqual(await as("FRA36"), ["document", "no_standard_place"]);
      for (const format of ["D1FRA", "D1NLD", "CRFRA", "FACHE"])
        assert.deepEqual(await as(format), ["no_standard_size", "none"]);
      assert.deepEqual(await as("TD1"), ["not_flat", "none"]);
      assert.deepEqual(await as("TD3", [result.quads[0], result.quads[0]]), ["not_flat", "none"]);
      assert.deepEqual(await as("TD3", Array(9).fill(result.quads[0])), ["not_flat", "none"]);
      // Each document of a picture can be straightened by itself.
      assert.deepEqual(why(await straighten(file, result.documents[0])), ["document", "portrait"]);
      const other = await read("id-td2.jpg");
      await assert.rejects(straighten(other.file, { ...result, width: 5 }), {
        code: "InvalidArgument",
      });
      await assert.rejects(straighten(Buffer.from("text"), result), { code: "NotAPicture" });
      reader.dispose();
    },
  ],
  [
    "in Chromium: a straightened document goes to a canvas, and the module comes only then",
    async () => {
      const found = await inPage(
        `async ({ nibble, picture, address }) => {
            const reader = await nibble.Reader.create();
            const file = new Blob([picture()]);
            const result = await reader.read(file);
            const loaded = () =>
              performance.getEntriesByType("resource").filter(({ name }) => name.includes("sheet")).length;
            const before = loaded();
            const { straighten, imageDataOf } = await import(address + "straighten.js");
            const bitmap = await createImageBitmap(file);
            const [document, drawn] = [await straighten(file, result), await straighten(bitmap, result)]
              .map(({ document }) => document);
            const image = imageDataOf(document);
            const pixel = 4 * (300 * document.width + 200);
            return {
              loads: [before, loaded()],
              sizes: [document.width, document.height, drawn.width, drawn.height, image.width, image.height],
              pixel: [...image.data.slice(pixel, pixel + 4)],
              gray: document.gray[300 * document.width + 200],
            };
          }`,
      );
      assert.deepEqual(found.loads, [0, 1]);
      const [width, height] = found.sizes;
      assert.deepEqual(found.sizes, [width, height, width, height, width, height]);
      assert.deepEqual(found.pixel, [found.gray, found.gray, found.gray, 255]);
    },
  ],
  ...(deno === undefined
    ? []
    : [
        [
          "Deno does the same",
          async () => {
            await findsItsFiles(deno);
            await takesBytes(deno);
          },
        ],
      ]),
]);
if (deno === undefined)
  console.log(
    "    NOT RUN: Deno, because it is not on the path (npm has it as `deno`; DENO may name it)",
  );

await browser.close();
packaged.close();
await rm(project, { recursive: true });
