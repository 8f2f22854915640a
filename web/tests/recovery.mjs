/**
 * Tests how page and package handle traps, failing workers and missing files. Runs in Chromium,
 * with a binary that traps at one particular file.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM, site, suite, web } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";
import { decoderTrapFiles, trapFile, withMemory, withTrap } from "./trap.mjs";

const PICTURE = "passport.jpg";
const browser = await chromium.launch(CHROMIUM);
const altered = new Map();

/** Serves every binary with the trap. */
function trapping(file, body) {
  if (!file.endsWith(".wasm")) return body;
  if (!altered.has(file)) altered.set(file, withTrap(body));
  return altered.get(file);
}

/** Runs in the page before its own code: records the workers that it starts. */
const watchWorkers = () => {
  globalThis.workers = [];
  globalThis.Worker = class extends Worker {
    constructor(...address) {
      super(...address);
      globalThis.workers.push(this);
    }
  };
};

/**
 * Runs in the page before its own code: makes the first two workers throw as they load. After the
 * first, which is within the page, the page tries one from a file by itself.
 */
const breakFirstWorkers = () => {
  let count = 0;
  globalThis.Worker = class extends Worker {
    constructor(address, options) {
      const code = new Blob(["throw new Error('this worker does not load')"]);
      super(count < 2 ? URL.createObjectURL(code) : address, options);
      count += 1;
    }
  };
};

const shell = await site();
const packaged = await site(join(web, "pkg"));
packaged.change = trapping;
const picture = (await readFile(specimen(PICTURE))).toString("base64");
const card = (await readFile(specimen("id-td2.jpg"))).toString("base64");

/**
 * Runs a function in a page that contains only the package. Its argument holds the package, its
 * explaining part, and five files: two pictures, one that stops the engine, and for each decoder one
 * that stops it.
 */
async function withPackage(work) {
  const page = await browser.newPage();
  const blank = `${packaged.address}blank.html`;
  await page.route(blank, (route) => route.fulfill({ contentType: "text/html", body: "" }));
  await page.goto(blank);
  const files = {
    picture,
    card,
    trap: trapFile.toString("base64"),
    jpegTrap: decoderTrapFiles.jpeg.toString("base64"),
    otherTrap: decoderTrapFiles.other.toString("base64"),
  };
  const script = `(async (address, files) => {
    const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const codeOf = (promise) => promise.then(() => "none", ({ name, code }) => \`\${name} \${code}\`);
    const [nibble, explain] = await Promise.all([import(address + "index.js"), import(address + "explain.js")]);
    const given = Object.fromEntries(Object.entries(files).map(([key, text]) => [key, () => bytes(text)]));
    return (${work})({ nibble, explain, codeOf, ...given, address });
  })(${JSON.stringify(packaged.address)}, ${JSON.stringify(files)})`;
  const result = await page.evaluate(script);
  await page.close();
  return result;
}

/** Selects what must be equal in two readings of one picture. */
const essence = ({ lines, digest, gray_digest, valid, frames }) => ({
  lines,
  digest,
  gray_digest,
  valid,
  frames,
});

/**
 * Opens the page in a new context; `scripts` run before its code. With `prepare`, the caller opens
 * it.
 */
async function open({ scripts = [watchWorkers], change = trapping, prepare = false } = {}) {
  shell.change = change;
  const context = await browser.newContext({ locale: "en-GB", serviceWorkers: "block" });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  for (const script of scripts) await page.addInitScript(script);
  if (!prepare) await page.goto(shell.address);
  return page;
}

const shown = (page, id) => page.waitForSelector(`#${id}:not([hidden])`);
const code = async (page) => {
  await shown(page, "problem");
  return page.getAttribute("#problem", "data-code");
};
const trap = { name: "trap.png", mimeType: "image/png", buffer: trapFile };
const decoderTrap = { name: "trap.jpg", mimeType: "image/jpeg", buffer: decoderTrapFiles.jpeg };
const workers = (page) => page.evaluate(() => globalThis.workers.length);
const again = async (page) => {
  await page.click("#problem .again");
  await shown(page, "start");
};
async function reads(page, name = PICTURE) {
  await page.setInputFiles("#file", specimen(name));
  await shown(page, "result");
  assert.deepEqual((await page.textContent("#lines")).split("\n"), expected.get(name));
  await page.click("#result .again");
  await shown(page, "start");
}

await suite([
  [
    "package: after a trap every reader goes on, with the same bits",
    async () => {
      const { before, trapped, after, disposed } = await withPackage(
        async ({ nibble, codeOf, picture, trap }) => {
          const readers = [
            await nibble.Reader.create(),
            await nibble.Reader.create({ precision: "u8" }),
          ];
          const read = () => Promise.all(readers.map((reader) => reader.read(picture())));
          const before = await read();
          // The queue continues after the call that fails.
          const [trapped, next] = await Promise.all([
            codeOf(readers[0].read(trap())),
            readers[0].read(picture()),
          ]);
          const again = await codeOf(readers[1].read(trap()));
          const after = [next, ...(await read()).slice(1)];
          for (const reader of readers) reader.dispose();
          const disposed = await codeOf(readers[0].read(picture()));
          return { before, trapped: [trapped, again], after, disposed };
        },
      );
      assert.deepEqual(before[0].lines, expected.get(PICTURE));
      assert.deepEqual(trapped, ["NibbleError Trapped", "NibbleError Trapped"]);
      assert.deepEqual(after.map(essence), before.map(essence));
      assert.equal(disposed, "NibbleError Disposed");
    },
  ],
  [
    "package: dispose never throws, and frees nothing of another instance",
    async () => {
      const [code, ...results] = await withPackage(async ({ nibble, codeOf, picture }) => {
        const [gone, late, kept] = [
          await nibble.Reader.create(),
          await nibble.Reader.create(),
          await nibble.Reader.create(),
        ];
        const before = await kept.read(picture());
        // The clock interrupts the engine in the middle of its work, while it has borrowed the
        // reader.
        performance.now = () => {
          throw new WebAssembly.RuntimeError("unreachable");
        };
        const code = await codeOf(gone.read(picture()));
        delete performance.now;
        // Once before the engine has restarted, and once after.
        gone.dispose();
        gone.dispose();
        const between = await kept.read(picture());
        late.dispose();
        return [code, before, between, await kept.read(picture())];
      });
      assert.equal(code, "NibbleError Trapped");
      for (const result of results) assert.deepEqual(essence(result), essence(results[0]));
    },
  ],
  [
    "package: what was fused before a trap is forgotten",
    async () => {
      const frames = await withPackage(async ({ nibble, codeOf, picture, trap }) => {
        const reader = await nibble.Reader.create();
        const first = await reader.fuse(picture());
        const second = await reader.fuse(picture());
        await codeOf(reader.fuse(trap()));
        const third = await reader.fuse(picture());
        return [first, second, third].map((result) => result.frames);
      });
      assert.deepEqual(frames, [1, 2, 1]);
    },
  ],
  [
    "package: forget keeps its place in the queue",
    async () => {
      const frames = await withPackage(async ({ nibble, picture }) => {
        const reader = await nibble.Reader.create();
        const first = reader.fuse(picture());
        const second = reader.fuse(picture());
        reader.forget();
        const third = reader.fuse(picture());
        return (await Promise.all([first, second, third])).map((result) => result.frames);
      });
      assert.deepEqual(frames, [1, 2, 1]);
    },
  ],
  [
    "package: an engine that does not start again is tried again by each call",
    async () => {
      const [trapped, without, result] = await withPackage(
        async ({ nibble, codeOf, picture, trap }) => {
          const reader = await nibble.Reader.create();
          const trapped = await codeOf(reader.read(trap()));
          // Neither forgetting nor the race of the engine that stopped starts another one.
          reader.forget();
          await new Promise((resolve) => setTimeout(resolve, 300));
          const { Instance } = WebAssembly;
          WebAssembly.Instance = class {
            constructor() {
              throw new RangeError("out of memory");
            }
          };
          const without = [
            await codeOf(reader.read(picture())),
            await codeOf(reader.read(picture())),
          ];
          WebAssembly.Instance = Instance;
          return [trapped, without, await reader.read(picture())];
        },
      );
      assert.equal(trapped, "NibbleError Trapped");
      assert.deepEqual(without, ["NibbleError Trapped", "NibbleError Trapped"]);
      assert.deepEqual(result.lines, expected.get(PICTURE));
    },
  ],
  [
    "package: a race that stops the engine is not held again",
    async () => {
      const { races, frames, lines } = await withPackage(async ({ nibble, picture, address }) => {
        const { Engine } = await import(`${address}engine.js`);
        let races = 0;
        Engine.prototype.race = () => {
          races += 1;
          throw new WebAssembly.RuntimeError("unreachable");
        };
        const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
        const reader = await nibble.Reader.create();
        await pause();
        const first = await reader.fuse(picture());
        await pause();
        const second = await reader.fuse(picture());
        return { races, frames: [first.frames, second.frames], lines: second.lines };
      });
      assert.equal(races, 1);
      assert.deepEqual(frames, [1, 2]);
      assert.deepEqual(lines, expected.get(PICTURE));
    },
  ],
  [
    "package: a file that stops a decoder costs that file alone",
    async () => {
      const [codes, frames] = await withPackage(
        async ({ nibble, codeOf, picture, jpegTrap, otherTrap }) => {
          const readers = [await nibble.Reader.create(), await nibble.Reader.create()];
          const first = await readers[0].fuse(picture());
          // Two readers share a decoder: what one of them does to it must not reach the other.
          const codes = await Promise.all([
            codeOf(readers[0].fuse(jpegTrap())),
            codeOf(readers[1].read(picture())),
            codeOf(readers[1].read(jpegTrap())),
            codeOf(readers[0].fuse(otherTrap())),
            codeOf(readers[1].read(new TextEncoder().encode("no picture"))),
          ]);
          const second = await readers[0].fuse(picture());
          return [codes, [first.frames, second.frames]];
        },
      );
      const trapped = "NibbleError Trapped";
      assert.deepEqual(codes, [trapped, "none", trapped, trapped, "NibbleError NotAPicture"]);
      // The engine went on, and with it what it had fused.
      assert.deepEqual(frames, [1, 2]);
    },
  ],
  [
    "package: a decoder that did not arrive is asked for again, and pixels need none",
    async () => {
      const codes = await withPackage(async ({ nibble, codeOf, picture }) => {
        const reader = await nibble.Reader.create();
        const { fetch } = globalThis;
        globalThis.fetch = async (file) =>
          String(file).includes("picture") ? new Response("", { status: 500 }) : fetch(file);
        const missing = await codeOf(reader.read(picture()));
        const pixels = await codeOf(reader.read(new ImageData(64, 64)));
        globalThis.fetch = fetch;
        return [missing, pixels, await codeOf(reader.read(picture()))];
      });
      assert.deepEqual(codes, ["NibbleError LoadFailed", "none", "none"]);
    },
  ],
  [
    "package: explanations and measurements go on after a trap; one that traps itself ends",
    async () => {
      const { strips, went, ended, exact, version } = await withPackage(
        async ({ nibble, explain, codeOf, picture, trap, address }) => {
          const reader = await nibble.Reader.create();
          const model = await fetch(`${address}models/ocr-u4.safetensors`);
          const looker = new explain.Looker(new Uint8Array(await model.arrayBuffer()));
          const { quads, lines } = await reader.read(picture());
          const strip = async () => [...(await looker.strip(picture(), quads[0], lines[0].length))];
          const before = await strip();
          await codeOf(reader.read(trap()));
          const after = await strip();
          looker.dispose();
          let trapped;
          const stopReader = () => (trapped ??= codeOf(reader.read(trap())));
          const what = ["verify", "gemm"];
          const went = await codeOf(nibble.bench({ what, repeats: 1, onProgress: stopReader }));
          await trapped;
          // The clock interrupts the measurement.
          const stopBench = () => {
            performance.now = () => {
              throw new WebAssembly.RuntimeError("unreachable");
            };
          };
          const ended = await codeOf(nibble.bench({ what, onProgress: stopBench }));
          delete performance.now;
          const { verify, device } = await nibble.bench({ what: ["verify"] });
          return {
            strips: [before, after],
            went,
            ended,
            exact: verify.map(({ exact }) => exact),
            version: device.version,
          };
        },
      );
      assert.ok(strips[0].length > 0);
      assert.deepEqual(strips[1], strips[0]);
      assert.deepEqual([went, ended], ["none", "NibbleError Trapped"]);
      assert.ok(exact.length > 0 && exact.every(Boolean));
      const manifest = JSON.parse(await readFile(join(web, "pkg/package.json"), "utf8"));
      assert.equal(version, manifest.version);
    },
  ],
  [
    "package: a second init with other options says so, the same options are fine",
    async () => {
      const codes = await withPackage(async ({ nibble, codeOf }) => {
        const { init, kernels, Reader } = nibble;
        const early = await codeOf((async () => kernels())());
        const first = codeOf(init({ binary: "simd128" }));
        const meanwhile = codeOf(init({ binary: "relaxed" }));
        const results = [early, await first, await meanwhile];
        const later = [
          { binary: "simd128", wasm: {}, models: {} },
          undefined,
          { models: { u4: "x" } },
        ];
        for (const options of later) results.push(await codeOf(init(options)));
        results.push(await codeOf(Reader.create()), await init());
        return results;
      });
      const other = "NibbleError AlreadyInitialised";
      const early = "NibbleError NotInitialised";
      assert.deepEqual(codes, [early, "none", other, "none", "none", other, "none", "simd128"]);
      const [made, after] = await withPackage(async ({ nibble, codeOf }) => [
        await codeOf(nibble.Reader.create()),
        await codeOf(nibble.init({ binary: "simd128" })),
      ]);
      assert.deepEqual([made, after], ["none", other]);
    },
  ],
  [
    "package: a binary that did not arrive is asked for again, by other options too",
    async () => {
      const results = await withPackage(async ({ nibble, codeOf, picture }) => {
        const missing = { simd128: "./missing.wasm", relaxed: "./missing.wasm" };
        const first = await codeOf(nibble.init({ wasm: missing }));
        const second = await codeOf(nibble.Reader.create());
        const third = await codeOf(nibble.init({ binary: "simd128" }));
        const reader = await nibble.Reader.create();
        return [first, second, third, (await reader.read(picture())).lines];
      });
      const failed = "NibbleError LoadFailed";
      assert.deepEqual(results, [failed, failed, "none", expected.get(PICTURE)]);
    },
  ],
  [
    "page: a picture that stops the engine is told from a bug, and the next one is read",
    async () => {
      const page = await open();
      await page.setInputFiles("#file", trap);
      assert.equal(await code(page), "Trapped");
      const words = new Set();
      for (const language of ["de", "fr", "ar", "en"]) {
        await page.selectOption("#language", language);
        await page.waitForSelector(`html[lang=${language}]`);
        words.add(await page.textContent("#problem-text"));
      }
      assert.equal(words.size, 4);
      assert.match([...words].at(-1), /the reader was restarted/);
      await again(page);
      await reads(page);
      // The worker restarted the engine by itself.
      assert.equal(await workers(page), 1);
      await page.context().close();
    },
  ],
  [
    "page: an engine that stops twice in a row gets a new worker",
    async () => {
      const page = await open();
      for (let time = 0; time < 2; time++) {
        await page.setInputFiles("#file", trap);
        assert.equal(await code(page), "Trapped");
        await again(page);
      }
      await reads(page);
      assert.equal(await workers(page), 2);
      await page.context().close();
    },
  ],
  [
    "page: a picture that stops the engine does not stop a table",
    async () => {
      const page = await open();
      const whole = {
        name: PICTURE,
        mimeType: "image/jpeg",
        buffer: await readFile(specimen(PICTURE)),
      };
      await page.setInputFiles("#file", [whole, trap, decoderTrap, whole, trap, whole]);
      await page.waitForSelector("#batch-csv:not([hidden])");
      const tones = await page
        .locator("#batch-rows tr")
        .evaluateAll((rows) => rows.map((row) => row.dataset.tone));
      assert.deepEqual(tones, ["good", "bad", "bad", "good", "bad", "good"]);
      await page.context().close();
    },
  ],
  [
    "page: where memory is refused, a file is read by way of the browser, smaller if need be",
    async () => {
      const large = "passport-12mp.jpg";
      for (const [pattern, most, notice] of [
        // For twelve megapixels the engine needs more, see units.mjs.
        [/nibble-(relaxed|simd128)/, 14, /scaled it down/],
        [/nibble-picture/, 8, /too little memory/],
      ]) {
        const narrow = (file, body) => (pattern.test(file) ? withMemory(body, most) : body);
        const page = await open({ change: narrow });
        await reads(page);
        await page.setInputFiles("#file", specimen(large));
        await shown(page, "result");
        assert.deepEqual((await page.textContent("#lines")).split("\n"), expected.get(large));
        assert.match(await page.textContent("#notice"), notice);
        await page.click("#result .again");
        // The next files are read as before, by the same worker.
        await reads(page, "id-td2.jpg");
        assert.equal(await workers(page), 1);
        const files = await Promise.all(
          [PICTURE, large, "id-td2.jpg"].map(async (name) => ({
            name,
            mimeType: "image/jpeg",
            buffer: await readFile(specimen(name)),
          })),
        );
        await page.setInputFiles("#file", files);
        await page.waitForSelector("#batch-csv:not([hidden])");
        const tones = await page
          .locator("#batch-rows tr")
          .evaluateAll((rows) => rows.map((row) => row.dataset.tone));
        assert.deepEqual(tones, ["good", "good", "good"]);
        await page.context().close();
      }
    },
  ],
  [
    "page: a worker that fails is replaced, and the picture it had is told of",
    async () => {
      const page = await open();
      await reads(page);
      await page.workers()[0].evaluate(() =>
        self.addEventListener("message", () => {
          throw new Error("the worker dies");
        }),
      );
      await page.setInputFiles("#file", specimen(PICTURE));
      assert.equal(await code(page), "Trapped");
      await again(page);
      await reads(page, "id-td2.jpg");
      assert.equal(await workers(page), 2);
      await page.context().close();
    },
  ],
  [
    "page: a worker that does not load is tried again",
    async () => {
      const page = await open({ scripts: [breakFirstWorkers] });
      assert.equal(await code(page), "LoadFailed");
      await again(page);
      await reads(page);
      await page.context().close();
    },
  ],
  [
    "page: a binary that did not arrive is asked for again",
    async () => {
      let [refused, decoderIsDown] = [0, true];
      const refuse = (file, body) => {
        const isDecoder = file.includes("picture");
        if (!file.endsWith(".wasm") || (isDecoder ? !decoderIsDown : refused > 0)) return body;
        if (!isDecoder) refused++;
        throw new Error("not now");
      };
      const page = await open({ change: refuse });
      assert.equal(await code(page), "LoadFailed");
      await again(page);
      // The engine arrives now, and then the decoder does not.
      await page.setInputFiles("#file", specimen(PICTURE));
      assert.equal(await code(page), "LoadFailed");
      decoderIsDown = false;
      await again(page);
      await reads(page);
      await page.context().close();
    },
  ],
  [
    "page: a refused or truncated file is fetched again by the button",
    async () => {
      for (const [kind, answer, expectedCode] of [
        ["wasm", { status: 503, body: "" }, "LoadFailed"],
        ["wasm", "half", "LoadFailed"],
        ["safetensors", { status: 503, body: "" }, "LoadFailed"],
        ["safetensors", "half", "ModelInvalid"],
      ]) {
        const page = await open({ prepare: true });
        let faulty = true;
        let requests = 0;
        await page.route(`**/*.${kind}`, async (route) => {
          requests += 1;
          if (!faulty) return route.continue();
          if (answer !== "half") return route.fulfill(answer);
          const response = await route.fetch();
          const body = await response.body();
          await route.fulfill({ response, body: body.subarray(0, body.length >> 1) });
        });
        await page.goto(shell.address);
        assert.equal(await code(page), expectedCode);
        await page.click("#retry");
        assert.equal(await code(page), expectedCode);
        faulty = false;
        const before = requests;
        await page.click("#retry");
        await shown(page, "start");
        assert.equal(requests, before + 1);
        await reads(page);
        await page.context().close();
      }
    },
  ],
  [
    "page: a stalled download says so, and can be cancelled and tried again",
    async () => {
      const page = await open({ prepare: true });
      let stalled = true;
      await page.route("**/nibble-{relaxed,simd128}*.wasm", (route) =>
        stalled ? undefined : route.continue(),
      );
      await page.goto(shell.address);
      await page.setInputFiles("#file", specimen(PICTURE));
      await shown(page, "busy-cancel");
      await page.getByText(/^(Downloading… \d+ KB|Getting ready…)$/).waitFor();
      await page.getByText(/^Downloading… [1-9]\d* KB$/).waitFor();
      await page.click("#busy-cancel");
      await shown(page, "start");
      assert.equal(await page.isVisible("#problem"), false);
      stalled = false;
      await reads(page);
      assert.equal(await page.isVisible("#busy-cancel"), false);
      await page.context().close();
    },
  ],
  [
    "page: without scripts, workers or SIMD a sentence says what is missing",
    async () => {
      const context = await browser.newContext({ javaScriptEnabled: false });
      const page = await context.newPage();
      await page.goto(shell.address);
      assert.match(await page.textContent("noscript"), /needs JavaScript/);
      await context.close();
      for (const missing of ["Worker", "WebAssembly"]) {
        const page = await open({
          scripts: [new Function(`delete globalThis.${missing}`)],
        });
        assert.equal(await code(page), "NoSimd", missing);
        assert.match(await page.textContent("#problem-text"), /browser is too old/);
        await page.context().close();
      }
    },
  ],
  [
    "page: older browsers without newer functions still read",
    async () => {
      const page = await open({
        scripts: [
          () => {
            for (const name of ["VideoFrame", "OffscreenCanvas", "caches", "AudioContext"])
              delete globalThis[name];
            delete Navigator.prototype.share;
            delete Navigator.prototype.serviceWorker;
            delete Navigator.prototype.permissions;
            delete WebAssembly.compileStreaming;
          },
        ],
      });
      await reads(page);
      await page.context().close();
    },
  ],
]);

await browser.close();
shell.close();
packaged.close();
