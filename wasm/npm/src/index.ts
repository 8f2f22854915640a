/**
 * Reads the machine-readable zone of identity documents on the device.
 *
 * Works in windows and workers. One reading blocks its thread for some tens of milliseconds, so a
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
export type {
  Check,
  DocumentFields,
  NotValidBecause,
  Precision,
  Result,
  Review,
} from "./result.js";

/** Where to find the package's files if they are not beside this module. */
export interface Options {
  wasm?: Partial<Record<Binary, string | URL>>;
  models?: Partial<Record<Precision, string | URL>>;
  /** Runs this binary instead of the best one; for tests and comparisons. */
  binary?: Binary;
}

/** The start, pending or done. A failed start is cleared, so that the next call tries again. */
let starting: Promise<Binary> | undefined;
/** The options that the first call of `init` was given. */
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

/** Writes options as a string; options with the same meaning give the same string. */
function textOf({ wasm, models, binary }: Options): string {
  const files = [wasm?.relaxed, wasm?.simd128, models?.f32, models?.u8, models?.u4];
  return JSON.stringify([binary ?? "", ...files.map((file) => file ?? "")]);
}

/**
 * Loads and starts the WebAssembly binary that this browser runs best. Call it once, or leave it to
 * `Reader.create`. If it fails, the next call tries again.
 *
 * Rejects with `NibbleError`: `NoSimd` if the browser can run neither binary, `LoadFailed` if the
 * binary does not arrive or does not start, `AlreadyInitialised` if an earlier call used other
 * options or a reader was created without any.
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

/** Measures kernels and networks in this browser; see `BenchOptions`. */
export const bench = benchOf({
  start: () => init(),
  model: async (precision) => new Uint8Array(await load(modelFile(precision))),
});

/** Views the same bytes as the type that the engine takes. Copies nothing. */
function bytesOf({ buffer, byteOffset, byteLength }: Uint8ClampedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A picture: the bytes of an image file, or the pixels of a canvas. */
export type Source = Uint8Array | ArrayBuffer | ImageData;

/** Returns the call that hands a picture to the engine. */
function taking(verb: "read" | "fuse", source: Source): (engine: Engine) => string {
  if ("data" in source) {
    const { width, height, data } = source;
    return (engine) => engine[`${verb}_pixels`](width, height, bytesOf(data));
  }
  const bytes = source instanceof Uint8Array ? source : new Uint8Array(source);
  return (engine) => engine[`${verb}_file`](bytes);
}

/** Reads pictures with one network. Calls are queued. Call `dispose` when done. */
export class Reader {
  /** The engine; undefined after `dispose`. */
  #engine: Held<Engine> | undefined;
  /** Settles when the last call in the queue has ended. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(engine: Held<Engine>) {
    this.#engine = engine;
  }

  /**
   * Creates a reader; `precision` is that of its network, 4 bits by default. Rejects as `init`
   * does, with `LoadFailed` if the model does not arrive, or with `ModelInvalid`.
   */
  static async create({ precision = "u4" as Precision } = {}): Promise<Reader> {
    await init();
    const model = new Uint8Array(await load(modelFile(precision)));
    return new Reader(new Held(() => new Engine(model)));
  }

  /**
   * Reads a picture: the bytes of a JPEG, PNG, WebP or BMP file, or `ImageData`.
   *
   * An aborted `signal` rejects a queued call with `AbortError`; a call that is already running
   * ends first. `Trapped` means that the engine stopped at this picture. It starts again at the
   * next call.
   */
  read(source: Source, { signal }: { signal?: AbortSignal } = {}): Promise<Result> {
    return this.#queued("read", source, signal);
  }

  /**
   * Reads one more frame of a document and combines it with the frames since the last `forget`: a
   * character that one frame misreads is outvoted by the others.
   *
   * In the result, `frames` counts the frames that contributed; `quads` are those of this frame and
   * empty if it shows no line. Frames of another document are ignored until the third in a row,
   * which begins a new document (the second in a row if only one frame was fused before).
   */
  fuse(source: Source, { signal }: { signal?: AbortSignal } = {}): Promise<Result> {
    return this.#queued("fuse", source, signal);
  }

  /** Begins a new document. Takes effect in queue order, after the calls made before it. */
  forget(): void {
    this.#last = this.#last.then(() => {
      try {
        this.#engine?.call((engine) => engine.forget());
      } catch {
        // The engine has stopped; it will start again without any frames to forget.
      }
    });
  }

  #queued(verb: "read" | "fuse", source: Source, signal: AbortSignal | undefined): Promise<Result> {
    const reading = this.#last.then(async () => {
      // Yield to the event loop, so that an abort posted meanwhile is noticed.
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

  /** Frees the network's memory; later calls reject with `Disposed`. Never throws. */
  dispose(): void {
    this.#engine?.free();
    this.#engine = undefined;
  }
}
