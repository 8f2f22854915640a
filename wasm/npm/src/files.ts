/** Where the package's files are. */
import type { Binary } from "./features.js";
import { type PackageFile, type Progress, report } from "./load.js";
import type { Precision } from "./result.js";

/** The formats that have a decoder of their own; whatever is no JPEG file is "other". */
export type Format = "jpeg" | "other";

/** Where to find the package's files if they are not beside this module. */
export interface Options {
  /** The engine that reads: each binary, or the one that is to run. */
  wasm?: Partial<Record<Binary, PackageFile>> | PackageFile;
  /** The decoders of JPEG files and of all others, each loaded with the first file for it. */
  picture?: Partial<Record<Format, PackageFile>>;
  /** What straightens documents, loaded by `straighten`. */
  sheet?: PackageFile;
  /** The engine that measures, loaded by `bench`. */
  bench?: Partial<Record<Binary, PackageFile>>;
  models?: Partial<Record<Precision, PackageFile>>;
  /** Runs this binary instead of the best one; for tests and comparisons. */
  binary?: Binary;
  /** Is told how much of the engine and the first network has arrived. */
  onProgress?: (progress: Progress) => void;
}

/** The options that the first call of `init` was given. */
let options: Options = {};

export function setOptions(given: Options): void {
  options = given;
  report(given.onProgress);
}

export function currentOptions(): Options {
  return options;
}

/** Numbers for bytes, so that two options with the same bytes are the same. */
const numbers = new WeakMap<object, number>();
let known = 0;

function nameOf(file: PackageFile | undefined): string {
  if (file === undefined) return "";
  if (typeof file === "string" || file instanceof URL) return String(file);
  if (!numbers.has(file)) numbers.set(file, ++known);
  return `bytes ${numbers.get(file)}`;
}

/** Whether options name one binary rather than both. */
function isOne(wasm: Options["wasm"]): wasm is PackageFile {
  if (typeof wasm !== "object") return wasm !== undefined;
  return wasm instanceof URL || wasm instanceof ArrayBuffer || ArrayBuffer.isView(wasm);
}

/** Writes options as a string; options with the same meaning give the same string. */
export function textOf({ wasm, picture, sheet, bench, models, binary }: Options): string {
  const engine = isOne(wasm) ? [wasm] : [wasm?.relaxed, wasm?.simd128];
  const modules = [picture?.jpeg, picture?.other, sheet, bench?.relaxed, bench?.simd128];
  const files = [...modules, models?.f32, models?.u8, models?.u4, ...engine];
  return JSON.stringify([binary ?? "", ...files.map(nameOf)]);
}

// Bundlers recognise `new URL("...", import.meta.url)` as it stands below, and copy the files.

export function wasmFile(binary: Binary): PackageFile {
  const { wasm } = options;
  const moved = isOne(wasm) ? wasm : wasm?.[binary];
  if (moved !== undefined) return moved;
  return binary === "relaxed"
    ? new URL("./nibble-relaxed.wasm", import.meta.url)
    : new URL("./nibble-simd128.wasm", import.meta.url);
}

export function pictureFile(format: Format): PackageFile {
  const moved = options.picture?.[format];
  if (moved !== undefined) return moved;
  return format === "jpeg"
    ? new URL("./nibble-picture-jpeg.wasm", import.meta.url)
    : new URL("./nibble-picture-other.wasm", import.meta.url);
}

export function benchFile(binary: Binary): PackageFile {
  const moved = options.bench?.[binary];
  if (moved !== undefined) return moved;
  return binary === "relaxed"
    ? new URL("./nibble-bench-relaxed.wasm", import.meta.url)
    : new URL("./nibble-bench-simd128.wasm", import.meta.url);
}

export function modelFile(precision: Precision): PackageFile {
  const moved = options.models?.[precision];
  if (moved !== undefined) return moved;
  switch (precision) {
    case "f32":
      return new URL("./models/ocr-f32.safetensors", import.meta.url);
    case "u8":
      return new URL("./models/ocr-u8.safetensors", import.meta.url);
    case "u4":
      return new URL("./models/ocr-u4.safetensors", import.meta.url);
  }
}
