/**
 * The binaries of the package in the shell of an engine, without a browser: Node or
 * JavaScriptCore's `jsc`, as `cargo xtask engines` runs them for arm64 under qemu.
 *
 *     node shell.mjs PKG BINARY verify|run KERNEL|time KERNEL M N K          jsc -m shell.mjs -- PKG BINARY verify|run KERNEL
 *
 * `verify` prints a line for each kernel, `exact` or `WRONG` and its name, and fails where one is
 * wrong; `run` runs one kernel a few dozen times, so that its instructions can be counted; `time`
 * prints GMAC/s of a product, the best of some rounds.
 */
const node = globalThis.process?.versions?.node !== undefined;
const [folder, binary, what, kernel, ...shape] = node
  ? process.argv.slice(2)
  : globalThis.arguments;

if (!node) {
  // What the glue needs and `jsc` lacks. All text is plain ASCII.
  globalThis.TextDecoder ??= class {
    decode(bytes = new Uint8Array()) {
      return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    }
  };
  globalThis.TextEncoder ??= class {
    encode(text) {
      return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    }
    encodeInto(text, bytes) {
      bytes.set(this.encode(text));
      return { read: text.length, written: text.length };
    }
  };
  globalThis.performance ??= { now: () => preciseTime() * 1e3 };
  globalThis.window ??= globalThis;
}

const path = `${folder}/nibble-bench-${binary}.wasm`;
const bytes = node ? (await import("node:fs")).readFileSync(path) : read(path, "binary");
const engine = await import(`${node ? "file://" : ""}${folder}/bench-engine.js`);
engine.initSync({ module: new WebAssembly.Module(bytes) });

/** Enough runs for JavaScriptCore to compile a kernel with optimisations. */
const RUNS = 60;
/** Number of timed rounds. */
const ROUNDS = 12;
/** Pixels, filters and depth of the product whose instructions are counted. */
const COUNTED = [48, 48, 256];

const say = node ? console.log : print;
if (what === "verify") {
  const bench = new engine.Bench("verify", true, 1);
  while (bench.left() > 0) bench.step();
  const { verify } = JSON.parse(bench.report());
  for (const { kernel, precision, exact } of verify)
    say(`${exact ? "exact" : "WRONG"} ${kernel} ${precision}`);
  if (!verify.every(({ exact }) => exact)) throw new Error("a kernel computes wrongly");
} else if (what === "time") {
  const [m, n, k] = shape.map(Number);
  const product = new engine.Product(kernel, m, n, k);
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    product.run(RUNS);
    best = Math.max(best, (RUNS * m * n * k) / (performance.now() - begin) / 1e6);
  }
  say(best.toFixed(2));
} else {
  const product = new engine.Product(kernel, ...COUNTED);
  for (let run = 0; run < RUNS; run++) product.run(1);
}
