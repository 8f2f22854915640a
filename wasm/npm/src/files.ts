/** Where the package's files are, and how they are loaded. */
import { NibbleError } from "./error.js";
import type { Binary } from "./features.js";
import type { Precision } from "./result.js";

/** A file of this package: its address, or its bytes. */
export type PackageFile = string | URL | ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** Where to find the package's files if they are not beside this module. */
export interface Options {
  /** The engine that reads: each binary, or the one that is to run. */
  wasm?: Partial<Record<Binary, PackageFile>> | PackageFile;
  /** The decoder of image files, loaded with the first one. */
  picture?: PackageFile;
  /** The engine that measures, loaded by `bench`. */
  bench?: Partial<Record<Binary, PackageFile>>;
  models?: Partial<Record<Precision, PackageFile>>;
  /** Runs this binary instead of the best one; for tests and comparisons. */
  binary?: Binary;
  /** Is told how much of the engine and the first network has arrived. */
  onProgress?: (progress: Progress) => void;
}

/** How much of the files that are loaded has arrived, in bytes as the browser unpacks them. */
export interface Progress {
  loaded: number;
}

/** The options that the first call of `init` was given. */
let options: Options = {};

export function setOptions(given: Options): void {
  options = given;
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
export function textOf({ wasm, picture, bench, models, binary }: Options): string {
  const engine = isOne(wasm) ? [wasm] : [wasm?.relaxed, wasm?.simd128];
  const modules = [picture, bench?.relaxed, bench?.simd128];
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

export function pictureFile(): PackageFile {
  return options.picture ?? new URL("./nibble-picture.wasm", import.meta.url);
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

/** Node's functions for files, where there are any. No import: bundlers would follow it. */
interface NodeFiles {
  readFile(file: URL): Promise<Uint8Array<ArrayBuffer>>;
}
type Node = { process?: { getBuiltinModule?(name: string): NodeFiles | undefined } };

/** Files that did not arrive as they should: the browser's cache may hold them as they came. */
const failed = new Set<string>();

/** Has a file fetched from its server the next time, because its content is damaged. */
export function distrust(file: PackageFile): void {
  if (typeof file === "string" || file instanceof URL) failed.add(String(file));
}

/** Requests a file; reads it where Node does not fetch files. */
async function requested(file: string | URL): Promise<Response> {
  const address = String(file);
  const node = (globalThis as Node).process?.getBuiltinModule?.("node:fs/promises");
  if (node !== undefined && address.startsWith("file:"))
    return new Response(await node.readFile(new URL(address)));
  const response = failed.delete(address)
    ? await fetch(file, { cache: "reload" })
    : await fetch(file);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response;
}

/** Bytes that have arrived since the first load. */
let loaded = 0;

/** Counts the bytes of a copy of the response while they arrive. */
async function count(copy: Response): Promise<void> {
  const reader = copy.body?.getReader();
  for (;;) {
    const chunk = await reader?.read();
    if (chunk === undefined || chunk.done) return;
    loaded += chunk.value.byteLength;
    options.onProgress?.({ loaded });
  }
}

/** Fetches a file and passes the response to `take`; any failure is `LoadFailed`. */
async function fetched<T>(
  file: string | URL,
  take: (response: Response) => Promise<T>,
): Promise<T> {
  try {
    const response = await requested(file);
    // What breaks the copy off breaks the response off too, which tells.
    if (options.onProgress !== undefined) count(response.clone()).catch(() => undefined);
    return await take(response);
  } catch (cause) {
    distrust(file);
    throw new NibbleError("LoadFailed", `could not load ${String(file)}`, { cause });
  }
}

const isAddress = (file: PackageFile): file is string | URL =>
  typeof file === "string" || file instanceof URL;

/** Loads a file. */
export async function load(file: PackageFile): Promise<Uint8Array<ArrayBuffer>> {
  if (ArrayBuffer.isView(file))
    return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  if (!isAddress(file)) return new Uint8Array(file);
  return fetched(file, async (response) => new Uint8Array(await response.arrayBuffer()));
}

/** Loads and compiles a module: while it arrives, if the server names its type. */
export async function compile(file: PackageFile): Promise<WebAssembly.Module> {
  if (isAddress(file))
    return fetched(file, async (response) =>
      response.headers.get("content-type") === "application/wasm" &&
      "compileStreaming" in WebAssembly
        ? WebAssembly.compileStreaming(response)
        : WebAssembly.compile(await response.arrayBuffer()),
    );
  try {
    return await WebAssembly.compile(file);
  } catch (cause) {
    throw new NibbleError("LoadFailed", "these bytes are no WebAssembly module", { cause });
  }
}
