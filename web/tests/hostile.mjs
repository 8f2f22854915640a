/**
 * Gives the npm package hostile values, in Node: bytes, pixels, lumas, objects that lie, damaged
 * files and model files, text. Whatever it is given, it answers, or throws an error of its own with a
 * code that says whose fault it is; afterwards a good picture is read with the same bits.
 *
 *     node tests/hostile.mjs [--seed N] [--inputs N]
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { repository, suite, web } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const { values: options } = parseArgs({
  options: { seed: { type: "string", default: "1" }, inputs: { type: "string", default: "400" } },
});
const INPUTS = Number(options.inputs);
const PICTURE = "passport.jpg";
/** The codes for what a caller gave. Any other, and any other error, is a fault of the package. */
const CODES = new Set([
  "InvalidArgument",
  "Empty",
  "NotAPicture",
  "Unsupported",
  "Broken",
  "TooLarge",
  "ModelInvalid",
]);

const nibble = await import(join(web, "pkg/index.js"));
const { Network } = await import(join(web, "pkg/network.js"));
const picture = await readFile(specimen(PICTURE));
const files = await Promise.all(
  ["passport.jpg", "id-td2-scan.png"].map((name) => readFile(specimen(name))),
);
const graphs = await Promise.all(
  ["1", "121", "16"].map((name) =>
    readFile(join(repository, `testdata/golden/graphs/${name}.safetensors`)),
  ),
);

/** A generator of pseudo-random numbers: mulberry32, from 0 to below 1. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const random = generator(Number(options.seed));
const below = (limit) => Math.floor(random() * limit);
const one = (values) => values[below(values.length)];

const OWN = new Error("the caller's own error");
const NUMBERS = [
  0,
  1,
  2,
  3,
  7,
  64,
  255,
  4096,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e308,
  -1,
  -0,
  0.5,
  NaN,
  Infinity,
  -Infinity,
  "8",
  null,
  undefined,
  5n,
  {},
  [],
  true,
];
const number = () => one(NUMBERS);

/** Bytes that may be shared, resizable, shifted, or no longer there. */
function bytes(length = one([0, 1, 3, 16, 64, 1000, 20_000])) {
  const buffer = one([
    () => new ArrayBuffer(length),
    () => new ArrayBuffer(length, { maxByteLength: 2 * length + 8 }),
    () => new SharedArrayBuffer(length),
  ])();
  const all = new Uint8Array(buffer);
  for (let at = 0; at < length; at++) all[at] = below(256);
  const view = one([
    () => all,
    () => new Uint8ClampedArray(buffer),
    () => new DataView(buffer),
    () => new Uint8Array(buffer, Math.min(length, below(8))),
    () => new Float32Array(new ArrayBuffer(length & ~3)),
    () => new BigInt64Array(length >> 3),
    () => buffer,
  ])();
  if (random() < 0.1 && buffer instanceof ArrayBuffer)
    structuredClone(null, { transfer: [buffer] });
  return view;
}

/** A file that is cut, changed, or continued by something else. */
function damaged(file) {
  const copy = Uint8Array.from(random() < 0.5 ? file.subarray(0, below(file.length)) : file);
  for (let count = below(6); count > 0 && copy.length > 0; count--)
    copy[random() < 0.7 ? below(Math.min(400, copy.length)) : below(copy.length)] = below(256);
  return random() < 0.2 ? new Blob([copy, new Uint8Array(below(64))]) : copy;
}

/** An object whose every property is something else each time, or throws. */
function liar() {
  return new Proxy(Object.create(null), {
    has: () => random() < 0.8,
    get(_target, key) {
      if (key === Symbol.toStringTag)
        return one(["Blob", "ImageBitmap", "VideoFrame", "ArrayBuffer", "ImageData", undefined]);
      if (random() < 0.1) throw OWN;
      if (["data", "luma"].includes(key)) return bytes();
      return random() < 0.5
        ? number()
        : () => {
            if (random() < 0.3) throw OWN;
            return one([number(), bytes()]);
          };
    },
  });
}

/** What is given for a picture. */
function source() {
  const [width, height] = random() < 0.5 ? [number(), number()] : [below(300), below(300)];
  const length = random() < 0.5 ? 4 * Number(width) * Number(height) : below(5000);
  const fair = length >= 0 && length < 4e6 ? Math.floor(length) : below(100);
  return one([
    number,
    () => Symbol("picture"),
    () => () => undefined,
    () => "picture.jpg",
    () => bytes(),
    () => new Blob([Uint8Array.from({ length: below(64) }, () => below(256))]),
    () => damaged(one(files)),
    () => damaged(one(files)),
    () => ({ width, height, data: bytes(fair) }),
    () => ({ width, height, data: new Uint8ClampedArray(fair) }),
    () => ({
      luma: new Uint8Array(random() < 0.5 ? fair >> 2 : below(2000)),
      width,
      height,
      fullRange: one([true, false, number()]),
      size: one([{ width, height }, { width: number(), height: number() }, number()]),
    }),
    liar,
  ])();
}

function isDetached(value) {
  try {
    new Uint8Array(value?.buffer ?? value);
    return false;
  } catch {
    return true;
  }
}

/** Counts the answers and the codes of a call. */
async function outcome(counts, what, call) {
  let code = "answered";
  try {
    await call();
  } catch (thrown) {
    if (thrown === OWN || thrown?.cause === OWN) code = "the caller's own";
    else {
      assert.ok(
        thrown instanceof nibble.NibbleError || thrown?.name === "NibbleError",
        `${what()}: ${thrown?.stack}`,
      );
      code = thrown.code;
      assert.ok(CODES.has(code), `${what()}: ${code}: ${thrown.stack}`);
    }
  }
  counts.set(code, (counts.get(code) ?? 0) + 1);
}

const shown = (value) => {
  try {
    return Object.prototype.toString.call(value) + JSON.stringify(value)?.slice(0, 200);
  } catch {
    return typeof value;
  }
};
const told = (counts) =>
  console.log(`        ${[...counts].map(([code, count]) => `${count} ${code}`).join(", ")}`);

await suite([
  [
    "pictures: whatever is given, an error says whose fault it is, and a good picture is read",
    async () => {
      const reader = await nibble.Reader.create();
      const { digest, lines } = await reader.read(picture);
      assert.deepEqual(lines, expected.get(PICTURE));
      const counts = new Map();
      for (let count = 0; count < INPUTS; count++) {
        const given = source();
        const verb = one(["read", "read", "fuse"]);
        await outcome(
          counts,
          () => `input ${count}, ${verb} ${shown(given)}`,
          async () => {
            const pending = reader[verb](given);
            pending.catch(() => undefined);
            // The caller may do what the documentation warns of: give the bytes away meanwhile.
            const buffer = given?.data?.buffer ?? given?.buffer;
            if (random() < 0.1 && buffer instanceof ArrayBuffer && !isDetached(buffer))
              structuredClone(null, { transfer: [buffer] });
            await pending;
          },
        );
        if (count % 50 === 49) assert.equal((await reader.read(picture)).digest, digest);
      }
      reader.dispose();
      told(counts);
    },
  ],
  [
    "text: parsed, or refused",
    async () => {
      const counts = new Map();
      const letters = "ABCZ0189<<<<\n ÀÖ\u0000\ud800\udfffﬀ😀";
      for (let count = 0; count < INPUTS; count++) {
        const zone = [...expected.values()][below(expected.size)].join("\n");
        const text = one([
          () => Array.from({ length: below(120) }, () => one([...letters])).join(""),
          () => zone.slice(0, below(zone.length + 1)),
          () => zone.replace(one([...zone]), one([...letters])),
          () => zone.repeat(1 + below(50)),
          number,
        ])();
        await outcome(
          counts,
          () => `text ${JSON.stringify(String(text))}`,
          async () => nibble.parseText(text),
        );
      }
      told(counts);
    },
  ],
  [
    "networks: damaged files, limits, and inputs of every kind",
    async () => {
      const counts = new Map();
      const kept = await Network.load(graphs[0]);
      for (let count = 0; count < INPUTS; count++) {
        // An address is no hostile value: it may lead nowhere.
        const other = source();
        const given = random() < 0.7 || typeof other === "string" ? damaged(one(graphs)) : other;
        const limits = random() < 0.2 ? { maxBytes: number(), maxMultiplyAdds: number() } : {};
        // Of the kind and length that the network takes, of any size.
        const fair = () =>
          Object.fromEntries(
            kept.inputs.map(({ name, type, channels, height, width }) => {
              const size = { height: height ?? below(40), width: width ?? below(40) };
              const length = size.height * size.width * channels;
              const data =
                type === "f32"
                  ? new Float32Array(length).fill(Number(random()))
                  : new Uint8Array(length);
              return [name, { data, ...size }];
            }),
          );
        const values = () =>
          one([
            fair,
            () => bytes(),
            number,
            () => ({ data: bytes(), height: number(), width: number() }),
            () => ({ [one(["x", "input", "__proto__", "image"])]: bytes() }),
            liar,
          ])();
        await outcome(
          counts,
          () => `network ${count}: ${shown(given)}`,
          async () => {
            const network = await Network.load(given, limits);
            try {
              network.run(values());
            } finally {
              network.dispose();
            }
          },
        );
        await outcome(
          counts,
          () => `input ${count}`,
          async () => {
            kept.peakBytes(random() < 0.5 ? { height: number(), width: number() } : number());
            kept.run(values());
          },
        );
      }
      told(counts);
    },
  ],
]);
