/**
 * Reads the machine-readable zone of identity documents on the device.
 *
 * Works in windows and workers. A reading blocks its thread for some tens of milliseconds, so a
 * page should call this from a worker.
 */
import { benchOf } from "./bench.js";
import { kernels } from "./kernels.js";
import { NibbleError, fromEngine } from "./error.js";
import { type Binary, supported } from "./features.js";
import type { Precision, Result } from "./result.js";
// Written by wasm-bindgen; both binaries share it.
import start, { Engine } from "./engine.js";

export type * from "./bench.js";
export { kernelNotice, kernels, type KernelChoice } from "./kernels.js";
export { NibbleError, type ErrorCode } from "./error.js";
export { supported, type Binary } from "./features.js";
export type { Check, DocumentFields, Precision, Result, Review } from "./result.js";

/** Where the files are, for pages that move them; by default beside this module. */
export interface Options {
  wasm?: Partial<Record<Binary, string | URL>>;
  models?: Partial<Record<Precision, string | URL>>;
  /** Forces a binary, for tests and comparisons. */
  binary?: Binary;
}

let starting: Promise<Binary> | undefined;
let options: Options = {};

function wasmFile(binary: Binary): string | URL {
  const moved = options.wasm?.[binary];
  if (moved !== undefined) return moved;
  return binary === "relaxed"
    ? new URL("./nibble-relaxed.wasm", import.meta.url)
    : new URL("./nibble-simd128.wasm", import.meta.url);
}

function modelFile(precision: Precision): string | URL {
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

async function load(file: string | URL): Promise<ArrayBuffer> {
  try {
    const response = await fetch(file);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return await response.arrayBuffer();
  } catch (cause) {
    throw new NibbleError("LoadFailed", `could not load ${String(file)}`, { cause });
  }
}

/**
 * Loads the WebAssembly binary that this browser runs best. Needed once; `Reader.create` does it
 * too. Rejects with `NibbleError` `NoSimd` where the browser runs neither binary, `LoadFailed` on
 * the network.
 */
export function init(given: Options = {}): Promise<Binary> {
  if (starting === undefined) {
    options = given;
    starting = (async () => {
      const binary = given.binary ?? supported();
      if (binary === null) throw new NibbleError("NoSimd", "this browser lacks WebAssembly SIMD");
      const bytes = await load(wasmFile(binary));
      try {
        await start({ module_or_path: await WebAssembly.compile(bytes) });
        kernels(false);
      } catch (cause) {
        throw new NibbleError("LoadFailed", "the WebAssembly module does not start", { cause });
      }
      return binary;
    })();
    starting.catch(() => (starting = undefined));
  }
  return starting;
}

/** Measures kernels and networks here; see `BenchOptions`. */
export const bench = benchOf({
  start: () => init(options),
  model: async (precision) => new Uint8Array(await load(modelFile(precision))),
});

/** The same bytes under the type that the engine takes; nothing is copied. */
function bytesOf({ buffer, byteOffset, byteLength }: Uint8ClampedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Bytes of an image file, or canvas pixels. */
export type Source = Uint8Array | ArrayBuffer | ImageData;

/** Reads pictures with one network. Calls queue; `dispose` when done. */
export class Reader {
  #engine: Engine | undefined;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** A reader of the given precision (4 bits by default). */
  static async create({ precision = "u4" as Precision } = {}): Promise<Reader> {
    await init(options);
    const model = new Uint8Array(await load(modelFile(precision)));
    try {
      return new Reader(new Engine(model));
    } catch (thrown) {
      throw fromEngine(thrown);
    }
  }

  /**
   * Reads a picture: JPEG, PNG, WebP or BMP bytes, or `ImageData`.
   * An aborted `signal` rejects a queued call with `AbortError`; a call that already runs ends
   * first.
   */
  read(source: Source, { signal }: { signal?: AbortSignal } = {}): Promise<Result> {
    return this.#queued("read", source, signal);
  }

  /**
   * Reads one more frame of the same document and answers for all frames since `forget`: what one
   * frame misreads, others outvote. `frames` counts those whose evidence is in; `quads` are this
   * frame's, empty where it shows nothing. A frame of another document is left out, and the third
   * in a row begins anew.
   */
  fuse(source: Source, { signal }: { signal?: AbortSignal } = {}): Promise<Result> {
    return this.#queued("fuse", source, signal);
  }

  /** Begins a new document. */
  forget(): void {
    this.#engine?.forget();
  }

  #queued(verb: "read" | "fuse", source: Source, signal: AbortSignal | undefined): Promise<Result> {
    const reading = this.#last.then(async () => {
      // A turn of the event loop, so that an abort posted meanwhile is seen.
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      const result = this.#now(verb, source);
      signal?.throwIfAborted();
      return result;
    });
    this.#last = reading.catch(() => undefined);
    if (signal === undefined) return reading;
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason);
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort, { once: true });
      reading.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    });
  }

  #now(verb: "read" | "fuse", source: Source): Result {
    if (this.#engine === undefined) throw new NibbleError("Disposed", "the reader was disposed");
    let text: string;
    try {
      text =
        "data" in source
          ? this.#engine[`${verb}_pixels`](source.width, source.height, bytesOf(source.data))
          : this.#engine[`${verb}_file`](
              source instanceof Uint8Array ? source : new Uint8Array(source),
            );
    } catch (thrown) {
      throw fromEngine(thrown);
    }
    const { decode_ms, ...answer } = JSON.parse(text) as Result & { decode_ms: number };
    answer.ms = { ...answer.ms, decode: decode_ms, total: answer.ms.total + decode_ms };
    return answer;
  }

  /** Gives the network's memory back; later calls reject with `Disposed`. */
  dispose(): void {
    this.#engine?.free();
    this.#engine = undefined;
  }
}
