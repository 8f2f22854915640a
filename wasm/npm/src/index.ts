/**
 * Reads the machine-readable zone of identity documents on the device.
 *
 * Works in windows and workers. A reading blocks its thread for some tens of milliseconds, so a
 * page should call this from a worker.
 */
import { benchOf } from "./bench.js";
import { Engine } from "./engine.js";
import { NibbleError } from "./error.js";
import { type Binary, supported } from "./features.js";
import { Held, start } from "./instance.js";
import type { Precision, Result } from "./result.js";

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

/** The start under way or done; a start that failed is tried again by the next call. */
let starting: Promise<Binary> | undefined;
/** What `init` was told. */
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

async function loadAndStart(): Promise<Binary> {
  const binary = options.binary ?? supported();
  if (binary === null) throw new NibbleError("NoSimd", "this browser lacks WebAssembly SIMD");
  const bytes = await load(wasmFile(binary));
  try {
    await start(await WebAssembly.compile(bytes));
  } catch (cause) {
    throw new NibbleError("LoadFailed", "the WebAssembly module does not start", { cause });
  }
  return binary;
}

/** Options as a text, the same for options that mean the same. */
function textOf({ wasm, models, binary }: Options): string {
  const files = [wasm?.relaxed, wasm?.simd128, models?.f32, models?.u8, models?.u4];
  return JSON.stringify([binary ?? "", ...files.map((file) => file ?? "")]);
}

/**
 * Loads the WebAssembly binary that this browser runs best. Needed once; `Reader.create` does it
 * too. After a failure the next call tries again.
 *
 * Rejects with `NibbleError`: `NoSimd` where the browser runs neither binary, `LoadFailed` where the
 * binary does not arrive or does not start, `AlreadyInitialised` where an earlier call, or a reader
 * made before, had other options.
 */
export function init(given?: Options): Promise<Binary> {
  if (starting !== undefined) {
    if (given === undefined || textOf(given) === textOf(options)) return starting;
    const message = "init was called before with other options, or a reader was made without any";
    return Promise.reject(new NibbleError("AlreadyInitialised", message));
  }
  options = given ?? options;
  const mine = loadAndStart();
  starting = mine;
  mine.catch(() => (starting = undefined));
  return mine;
}

/** Measures kernels and networks here; see `BenchOptions`. */
export const bench = benchOf({
  start: () => init(),
  model: async (precision) => new Uint8Array(await load(modelFile(precision))),
});

/** The same bytes under the type that the engine takes; nothing is copied. */
function bytesOf({ buffer, byteOffset, byteLength }: Uint8ClampedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Bytes of an image file, or canvas pixels. */
export type Source = Uint8Array | ArrayBuffer | ImageData;

/** The call of the engine for a source. */
function taking(verb: "read" | "fuse", source: Source): (engine: Engine) => string {
  if ("data" in source) {
    const { width, height, data } = source;
    return (engine) => engine[`${verb}_pixels`](width, height, bytesOf(data));
  }
  const bytes = source instanceof Uint8Array ? source : new Uint8Array(source);
  return (engine) => engine[`${verb}_file`](bytes);
}

/** Reads pictures with one network. Calls queue; `dispose` when done. */
export class Reader {
  /** Undefined once the reader is disposed of. */
  #engine: Held<Engine> | undefined;
  /** The call at the end of the queue. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(engine: Held<Engine>) {
    this.#engine = engine;
  }

  /** A reader of the given precision (4 bits by default). */
  static async create({ precision = "u4" as Precision } = {}): Promise<Reader> {
    await init();
    const model = new Uint8Array(await load(modelFile(precision)));
    return new Reader(new Held(() => new Engine(model)));
  }

  /**
   * Reads a picture: JPEG, PNG, WebP or BMP bytes, or `ImageData`.
   * An aborted `signal` rejects a queued call with `AbortError`; a call that already runs ends
   * first. `Trapped` means that the engine stopped at this picture; the next call starts it again.
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

  /** Begins a new document: takes its place in the queue, after the calls made before it. */
  forget(): void {
    this.#last = this.#last.then(() => {
      try {
        this.#engine?.call((engine) => engine.forget());
      } catch {
        // The engine has stopped. It starts again with nothing to forget.
      }
    });
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
    const work = taking(verb, source);
    const { decode_ms, ...answer } = JSON.parse(this.#engine.call(work)) as Result & {
      decode_ms: number;
    };
    answer.ms = { ...answer.ms, decode: decode_ms, total: answer.ms.total + decode_ms };
    return answer;
  }

  /** Gives the network's memory back; later calls reject with `Disposed`. Never throws. */
  dispose(): void {
    this.#engine?.free();
    this.#engine = undefined;
  }
}
