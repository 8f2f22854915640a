/**
 * Reads the machine-readable zone of identity documents on the device.
 *
 * Works in windows and workers. One reading blocks its thread for some tens of milliseconds, so a
 * page should call this from a worker.
 */
import { benchOf } from "./bench.js";
import { Engine, parse_text } from "./engine.js";
import { NibbleError } from "./error.js";
import { type Binary, supported } from "./features.js";
import { type Options, currentOptions, modelFile, setOptions, textOf, wasmFile } from "./files.js";
import { Held } from "./instance.js";
import { compile, distrust, load } from "./load.js";
import type { Luma } from "./luma.js";
import { reading } from "./reading.js";
import {
  type Source,
  type Taken,
  fewOrGray,
  pixelsOf,
  prepareFor,
  taken,
  withFile,
} from "./source.js";
import type { DocumentFields, Precision, Result } from "./result.js";

export type * from "./bench.js";
export { kernelNotice, kernels, type KernelChoice } from "./kernels.js";
export type { Options } from "./files.js";
export type { PackageFile, Progress } from "./load.js";
export { decodeByBrowser, isForeign } from "./browser.js";
export { NibbleError, type ErrorCode } from "./error.js";
export { supported, type Binary } from "./features.js";
export { lumaOf, type Luma, type Part } from "./luma.js";
export type { Source } from "./source.js";
export type {
  Check,
  DocumentFields,
  Found,
  NotValidBecause,
  Precision,
  Result,
  Review,
  Vehicle,
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

/** The fields of a zone that was typed, and its check digits. */
export type Parsed = Pick<Result, "lines" | "checks"> & { document: DocumentFields };

/**
 * Parses the lines of a zone that a person has typed or mended. Call `init` first.
 *
 * Throws `InvalidArgument` if no format has lines of this shape; the message says what is wrong and
 * where. Check digits that do not agree are no error: see `checks`.
 */
export function parseText(text: string): Parsed {
  if (typeof text !== "string")
    throw new NibbleError("InvalidArgument", `the lines of a zone are text, not ${typeof text}`);
  return JSON.parse(reading.call(() => parse_text(text))) as Parsed;
}

/** Measures kernels and networks in this browser; see `BenchOptions`. */
export const bench = benchOf(() => init());

const PRECISIONS: readonly Precision[] = ["u4", "u8", "f32"];

/** The answer of the engine, and how long it took to make the picture gray. */
type Answer = Result & { gray_ms: number };

/** Parses an answer; `decodeMs` is how long its file took to decode. */
function resultOf(text: string, decodeMs = 0): Result {
  const { gray_ms, ...answer } = JSON.parse(text) as Answer;
  const decode = decodeMs + gray_ms;
  answer.ms = { ...answer.ms, decode, total: answer.ms.total + decode };
  return answer;
}

/** Milliseconds after which the kernels of a new engine race: a reading that comes at once is first. */
const RACE_AFTER_MS = 50;

/** Reads pictures with one network. Calls are queued. Call `dispose` when done. */
export class Reader {
  /** The engine; undefined after `dispose`. */
  #engine: Held<Engine> | undefined;
  /** When the kernels of the engine race. */
  #race: ReturnType<typeof setTimeout> | undefined;
  /** No race has stopped the engine yet. */
  #mayRace = true;
  /** Settles when the last call in the queue has ended. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(model: Uint8Array) {
    this.#engine = new Held(reading, () => {
      const engine = new Engine(model);
      // It begins with the best guess. One that replaces a trapped engine does, too.
      clearTimeout(this.#race);
      if (this.#mayRace) this.#race = setTimeout(() => this.#raceIn(model), RACE_AFTER_MS);
      return engine;
    });
  }

  /** Races the engine's kernels after the calls that are queued. */
  #raceIn(model: Uint8Array): void {
    this.#last = this.#last.then(() => {
      try {
        this.#engine?.callIfLiving((engine) => engine.race(model));
      } catch {
        // The race has stopped the engine. The one that replaces it goes without.
        this.#mayRace = false;
      }
    });
  }

  /**
   * Creates a reader; `precision` is that of its network, 4 bits by default. Rejects as `init`
   * does, with `LoadFailed` if the model does not arrive, with `ModelInvalid`, or with
   * `InvalidArgument` for any other precision.
   */
  static async create({ precision = "u4" as Precision } = {}): Promise<Reader> {
    if (!PRECISIONS.includes(precision))
      throw new NibbleError("InvalidArgument", `there is no precision ${String(precision)}`);
    const started = init();
    // Engine and model arrive at the same time. If both fail, the engine's error tells.
    const file = modelFile(precision);
    const loading = load(file);
    loading.catch(() => undefined);
    await started;
    const model = await loading;
    try {
      return new Reader(model);
    } catch (thrown) {
      // It may have arrived in part: the next reader asks for it again.
      if (thrown instanceof NibbleError && thrown.code === "ModelInvalid") distrust(file);
      throw thrown;
    }
  }

  /**
   * Reads a picture: a JPEG, PNG, WebP or BMP file as `Blob` or bytes, `ImageData`, or what a
   * browser can draw. The first JPEG file loads a decoder, and so does the first file of another
   * format; a file whose decoder does not arrive rejects with `LoadFailed`. What is no picture at all
   * rejects with `InvalidArgument`, an empty file with `Empty`.
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
        this.#engine?.callIfLiving((engine) => engine.forget());
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
    let found: Taken;
    try {
      found = taken(source);
      if (verb === "read" && found.kind === "luma")
        throw new NibbleError("InvalidArgument", "the luma of a frame is for `fuse`");
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    // A decoder that is missing arrives while the call waits; if it fails, its turn tells.
    const decoder = found.kind === "file" ? prepareFor(found.file) : undefined;
    decoder?.catch(() => undefined);
    const result = this.#last.then(async () => {
      // Yield to the event loop, so that an abort posted meanwhile is noticed.
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      await decoder;
      const result = await this.#now(verb, found);
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

  async #now(verb: "read" | "fuse", found: Taken): Promise<Result> {
    const engine = this.#engine;
    if (engine === undefined) throw new NibbleError("Disposed", "the reader was disposed");
    if (found.kind === "file")
      return withFile(found.file, ({ width, height, gray, ms }) =>
        resultOf(
          engine.call((held) => held[`${verb}_gray`](width, height, gray)),
          ms,
        ),
      );
    if (found.kind === "luma") {
      const { luma, width, height, fullRange, size } = found.luma;
      return resultOf(
        engine.call((held) =>
          held.fuse_luma(width, height, luma, fullRange, size.width, size.height),
        ),
      );
    }
    const begin = performance.now();
    const pixels = found.kind === "pixels" ? found.pixels : pixelsOf(found.picture);
    const { width, height } = pixels;
    const prepared = fewOrGray(pixels);
    const ms = performance.now() - begin;
    return resultOf(
      engine.call((held) =>
        "gray" in prepared
          ? held[`${verb}_gray`](width, height, prepared.gray)
          : held[`${verb}_pixels`](width, height, prepared.rgba),
      ),
      ms,
    );
  }

  /** Frees the network's memory; later calls reject with `Disposed`. Never throws. */
  dispose(): void {
    clearTimeout(this.#race);
    this.#engine?.free();
    this.#engine = undefined;
  }
}
