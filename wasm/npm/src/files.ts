/** Where the package's files are, and how they are loaded. */
import { NibbleError } from "./error.js";
import type { Binary } from "./features.js";
import type { Precision } from "./result.js";

/** Where to find the package's files if they are not beside this module. */
export interface Options {
  /** The engine that reads. */
  wasm?: Partial<Record<Binary, string | URL>>;
  /** The decoder of image files, loaded with the first one. */
  picture?: string | URL;
  /** The engine that measures, loaded by `bench`. */
  bench?: Partial<Record<Binary, string | URL>>;
  models?: Partial<Record<Precision, string | URL>>;
  /** Runs this binary instead of the best one; for tests and comparisons. */
  binary?: Binary;
}

/** The options that the first call of `init` was given. */
let options: Options = {};

export function setOptions(given: Options): void {
  options = given;
}

export function currentOptions(): Options {
  return options;
}

/** Writes options as a string; options with the same meaning give the same string. */
export function textOf({ wasm, picture, bench, models, binary }: Options): string {
  const modules = [wasm?.relaxed, wasm?.simd128, picture, bench?.relaxed, bench?.simd128];
  const files = [...modules, models?.f32, models?.u8, models?.u4];
  return JSON.stringify([binary ?? "", ...files.map((file) => file ?? "")]);
}

export function wasmFile(binary: Binary): string | URL {
  const moved = options.wasm?.[binary];
  if (moved !== undefined) return moved;
  return binary === "relaxed"
    ? new URL("./nibble-relaxed.wasm", import.meta.url)
    : new URL("./nibble-simd128.wasm", import.meta.url);
}

export function pictureFile(): string | URL {
  return options.picture ?? new URL("./nibble-picture.wasm", import.meta.url);
}

export function benchFile(binary: Binary): string | URL {
  const moved = options.bench?.[binary];
  if (moved !== undefined) return moved;
  return binary === "relaxed"
    ? new URL("./nibble-bench-relaxed.wasm", import.meta.url)
    : new URL("./nibble-bench-simd128.wasm", import.meta.url);
}

export function modelFile(precision: Precision): string | URL {
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

/** Fetches a file and passes the response to `take`; any failure is `LoadFailed`. */
async function fetched<T>(
  file: string | URL,
  take: (response: Response) => Promise<T>,
): Promise<T> {
  try {
    const response = await fetch(file);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return await take(response);
  } catch (cause) {
    throw new NibbleError("LoadFailed", `could not load ${String(file)}`, { cause });
  }
}

export function load(file: string | URL): Promise<ArrayBuffer> {
  return fetched(file, (response) => response.arrayBuffer());
}

/** Loads and compiles a module: while it arrives, if the server names its type. */
export function compile(file: string | URL): Promise<WebAssembly.Module> {
  return fetched(file, async (response) =>
    response.headers.get("content-type") === "application/wasm" && "compileStreaming" in WebAssembly
      ? WebAssembly.compileStreaming(response)
      : WebAssembly.compile(await response.arrayBuffer()),
  );
}
