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
import {
  type Options,
  compile,
  currentOptions,
  load,
  modelFile,
  setOptions,
  textOf,
  wasmFile,
} from "./files.js";
import { Held } from "./instance.js";
import type { Luma } from "./luma.js";
import { prepare, withPicture } from "./picture.js";
import { reading } from "./reading.js";
import type { Precision, Result } from "./result.js";

export type * from "./bench.js";
export { kernelNotice, kernels, type KernelChoice } from "./kernels.js";
export type { Options } from "./files.js";
export { NibbleError, type ErrorCode } from "./error.js";
export { supported, type Binary } from "./features.js";
export { lumaOf, type Luma, type Part } from "./luma.js";
export type {
  Check,
  DocumentFields,
  Found,
  NotValidBecause,
  Precision,
  Result,
  Review,
} from "./result.js";

/** The start, pending or done. A failed start is cleared, so that the next call tries again. */
let starting: Promise<Binary> | undefined;
async function loadAndStart(): Promise<Binary> {
  const binary = currentOptions().binary ?? supported();
  if (binary === null) throw new NibbleError("NoSimd", "this browser lacks WebAssembly SIMD");
  const module = await compile(wasmFile(binary));
  try {
    await reading.start(module);
  } catch (cause) {
    throw new NibbleError("LoadFailed", "the WebAssembly module does not start", { cause });
  }
  return binary;
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
    if (given === undefined || textOf(given) === textOf(currentOptions())) return starting;
    const message = "init was called before with other options, or a reader was made without any";
    return Promise.reject(new NibbleError("AlreadyInitialised", message));
  }
  if (given !== undefined) setOptions(given);
  const mine = loadAndStart();
  starting = mine;
  mine.catch(() => (starting = undefined));
  return mine;
}

/** Measures kernels and networks in this browser; see `BenchOptions`. */
export const bench = benchOf(() => init());

/** Views the same bytes as the type that the engine takes. Copies nothing. */
function bytesOf({ buffer, byteOffset, byteLength }: Uint8ClampedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A picture: the bytes of an image file, or the pixels of a canvas. */
export type Source = Uint8Array | ArrayBuffer | ImageData;

/** Whether a picture is the bytes of a file. */
const isFile = (source: Source | Luma): source is Uint8Array | ArrayBuffer =>
  !("data" in source || "luma" in source);

/** The answer of the engine, and how long it took to make the picture gray. */
type Answer = Result & { gray_ms: number };

/** Parses an answer; `decodeMs` is how long its file took to decode. */
function resultOf(text: string, decodeMs = 0): Result {
  const { gray_ms, ...answer } = JSON.parse(text) as Answer;
  const decode = decodeMs + gray_ms;
  answer.ms = { ...answer.ms, decode, total: answer.ms.total + decode };
  return answer;
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
    const started = init();
    // Engine and model arrive at the same time. If both fail, the engine's error tells.
    const loading = load(modelFile(precision));
    loading.catch(() => undefined);
    await started;
    const model = new Uint8Array(await loading);
    return new Reader(new Held(reading, () => new Engine(model)));
  }

  /**
   * Reads a picture: the bytes of a JPEG, PNG, WebP or BMP file, or `ImageData`. The first file
   * loads the decoder, and rejects with `LoadFailed` if it does not arrive.
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
   *
   * Takes what `read` takes, and the luma of a `VideoFrame`: see `lumaOf`.
   */
  fuse(source: Source | Luma, { signal }: { signal?: AbortSignal } = {}): Promise<Result> {
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

  #queued(
    verb: "read" | "fuse",
    source: Source | Luma,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    // A decoder that is missing arrives while the call waits; if it fails, its turn tells.
    if (isFile(source)) prepare().catch(() => undefined);
    const result = this.#last.then(async () => {
      // Yield to the event loop, so that an abort posted meanwhile is noticed.
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      const result = await this.#now(verb, source);
      signal?.throwIfAborted();
      return result;
    });
    this.#last = result.catch(() => undefined);
    if (signal === undefined) return result;
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason);
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort, { once: true });
      result.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    });
  }

  async #now(verb: "read" | "fuse", source: Source | Luma): Promise<Result> {
    const engine = this.#engine;
    if (engine === undefined) throw new NibbleError("Disposed", "the reader was disposed");
    if ("data" in source) {
      const { width, height, data } = source;
      const pixels = bytesOf(data);
      return resultOf(engine.call((held) => held[`${verb}_pixels`](width, height, pixels)));
    }
    if (!isFile(source)) {
      const { luma, width, height, fullRange, size } = source;
      return resultOf(
        engine.call((held) =>
          held.fuse_luma(width, height, luma, fullRange, size.width, size.height),
        ),
      );
    }
    const bytes = source instanceof Uint8Array ? source : new Uint8Array(source);
    return withPicture(bytes, ({ width, height, gray, ms }) =>
      resultOf(
        engine.call((held) => held[`${verb}_gray`](width, height, gray)),
        ms,
      ),
    );
  }

  /** Frees the network's memory; later calls reject with `Disposed`. Never throws. */
  dispose(): void {
    this.#engine?.free();
    this.#engine = undefined;
  }
}
