/** The interface of a page to the worker that reads. */
import { NibbleError } from "./error.js";
import type { Options } from "./files.js";
import type { Progress } from "./load.js";
import type { KernelChoice } from "./kernels.js";
import type { Luma, Part } from "./luma.js";
import type { Answer, How, Request } from "./protocol.js";
import { send } from "./relay.js";
import type { Precision, Result } from "./result.js";

type Body = Request extends infer R ? (R extends Request ? Omit<R, "id"> : never) : never;
type AnswerOf<K extends Answer["kind"]> = Extract<Answer, { kind: K }>;

/** How a page makes a client. */
export interface ClientOptions {
  /** Makes the worker, which runs this package's `worker.js`. */
  worker(): Worker;
  /** Options for `init` in the worker. */
  options?(): Omit<Options, "onProgress">;
  /** Takes the requests for the package's files that the page has made already, by address. */
  begun?(): Iterable<[string, Promise<Response>]>;
  /** Runs the work of a reading; for pages that pause something meanwhile. */
  around?<T>(work: () => Promise<T>): Promise<T>;
  /** Is told how much of the engine has arrived. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** A request that has not been answered. */
interface Waiting {
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

/**
 * Number of consecutive traps after which the worker is replaced. The package restarts an engine by
 * itself; one that traps again at the next picture may be beyond that.
 */
const MAX_TRAPS = 2;

/**
 * Sends requests to the worker and matches its answers to them. A worker that fails is terminated:
 * every pending request is rejected, and the next request starts a new worker.
 */
export class Client {
  readonly #given: ClientOptions;
  #worker: Worker | undefined;
  /** Ends downloads whose bytes go to the current worker. */
  #downloads = new AbortController();
  #ready = false;
  /** The start of the engine in the current worker, pending or done. */
  #started: Promise<KernelChoice[]> | undefined;
  readonly #waiting = new Map<number, Waiting>();
  /** The id of the next request. */
  #next = 0;
  /** Number of traps since the last request that ended without one. */
  #traps = 0;

  constructor(options: ClientOptions) {
    this.#given = options;
  }

  /** Whether the engine has started, so that the next reading waits for nothing. */
  get isStarted(): boolean {
    return this.#ready;
  }

  #around<T>(work: () => Promise<T>): Promise<T> {
    return this.#given.around?.(work) ?? work();
  }

  /**
   * Starts the worker and its engine. Resolves to the kernels as tested, including those that give
   * wrong results in this browser; the races follow when there is nothing to read. If the start
   * fails, the next call tries again.
   */
  start(): Promise<KernelChoice[]> {
    if (this.#started === undefined) {
      const options = this.#given.options?.() ?? {};
      const progress = this.#given.onProgress !== undefined;
      const begun = [...(this.#given.begun?.() ?? [])].map(([address, request]) => ({
        address,
        port: send(request, this.#downloads.signal),
      }));
      const ports = begun.map(({ port }) => port);
      const started = this.#ask("started", { kind: "start", options, progress, begun }, ports).then(
        ({ kernels }) => {
          this.#ready = true;
          return kernels;
        },
      );
      this.#started = started;
      started.catch(() => {
        if (this.#started === started) this.#started = undefined;
      });
    }
    return this.#started;
  }

  /** Loads the model of a precision before its first use. */
  async load(precision: Precision): Promise<void> {
    // Engine and model arrive at the same time.
    await Promise.all([this.start(), this.#ask("done", { kind: "load", precision })]);
  }

  /**
   * Loads the decoder for a file; without one, that of JPEG files, for a photograph that is still on
   * its way. Engine and decoder are fetched at the same time.
   */
  async loadDecoder(file?: Blob): Promise<void> {
    // Once the engine has started, the reading of a file begins with its decoder.
    if (this.#ready && file !== undefined) return;
    await Promise.all([this.start(), this.#ask("done", { kind: "decoder", file })]);
  }

  /** Reads a picture. The memory of pixels is transferred to the worker. */
  async read(source: Blob | ImageData, precision: Precision): Promise<Result> {
    // If the decoder does not arrive, the reading reports it.
    if (source instanceof Blob) this.loadDecoder(source).catch(() => undefined);
    await this.start();
    const memory = "data" in source ? [source.data.buffer] : [];
    const answer = await this.#around(() =>
      this.#ask("result", { kind: "read", precision, source }, memory),
    );
    return answer.result;
  }

  /**
   * Reads one more frame of a video and returns the answer for all frames since `forget`, or for
   * this frame alone. The picture is transferred to the worker and comes back with the answer.
   */
  async frame(
    picture: ImageBitmap,
    precision: Precision,
    how: How = { mirrored: false, alone: false },
  ): Promise<{ result: Result; picture: ImageBitmap; light: number }> {
    await this.start();
    return this.#around(() =>
      this.#ask("frame", { kind: "frame", precision, picture, how }, [picture]),
    );
  }

  /**
   * Like `frame`, but reads the luma of a part of a frame at a size. The frame is transferred to the
   * worker and does not come back. Rejects with `Unsupported` if its luma cannot be copied.
   */
  async luma(
    frame: VideoFrame,
    part: Part,
    size: Luma["size"],
    precision: Precision,
    mirrored = false,
  ): Promise<{ result: Result; light: number }> {
    await this.start();
    const body = { kind: "luma", precision, frame, part, size, mirrored } as const;
    return this.#around(() => this.#ask("luma", body, [frame]));
  }

  /** Begins a new document with the next frame. */
  async forget(precision: Precision): Promise<void> {
    await this.start();
    await this.#ask("done", { kind: "forget", precision });
  }

  /** Parses the lines of a zone that a person types. Rejects with `InvalidArgument`. */
  async parse(text: string): Promise<Pick<Result, "lines" | "checks" | "document">> {
    await this.start();
    return (await this.#ask("parsed", { kind: "parse", text })).parsed;
  }

  async #ask<K extends Answer["kind"]>(
    kind: K,
    body: Body,
    transfer: Transferable[] = [],
  ): Promise<AnswerOf<K>> {
    const id = this.#next++;
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#worker ??= this.#newWorker();
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...body }, transfer);
    });
    if (answer.kind !== kind)
      throw new NibbleError("Internal", "the worker answered another question");
    return answer as AnswerOf<K>;
  }

  #newWorker(): Worker {
    const worker = this.#given.worker();
    let answered = false;
    worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      answered = true;
      this.#take(data);
    });
    const fail = (message: string) => {
      // A worker that has never answered has not started.
      const code = answered ? "Trapped" : "LoadFailed";
      if (this.#worker === worker) this.#end(new NibbleError(code, message));
    };
    worker.addEventListener("error", ({ message }) => fail(message || "the worker has failed"));
    worker.addEventListener("messageerror", () => fail("an answer of the worker was lost"));
    return worker;
  }

  #take(answer: Answer): void {
    if (answer.kind === "progress") return this.#given.onProgress?.(answer);
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.kind !== "error") {
      this.#traps = 0;
      waiting?.resolve(answer);
      return;
    }
    const error = new NibbleError(answer.code, answer.message);
    waiting?.reject(error);
    this.#traps = answer.code === "Trapped" ? this.#traps + 1 : 0;
    if (this.#traps === MAX_TRAPS) this.#end(error);
  }

  /** Gives up what is under way, downloads too. The next request starts another worker. */
  stop(): void {
    this.#end(new DOMException("the reader was stopped", "AbortError"));
  }

  /** Terminates the worker and rejects every pending request. */
  #end(error: Error): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#downloads.abort();
    this.#downloads = new AbortController();
    this.#started = undefined;
    this.#ready = false;
    this.#traps = 0;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
