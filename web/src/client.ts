/** The page's side of the worker. */
import { NibbleError, type KernelChoice, type Precision, type Result } from "nibble";
import { packageOptions } from "./files";
import type { Answer, Request } from "./protocol";
import { quietly } from "./quiet";
import InlineWorker from "./worker?worker&inline";

type Body = Request extends infer R ? (R extends Request ? Omit<R, "id"> : never) : never;
type AnswerOf<K extends Answer["kind"]> = Extract<Answer, { kind: K }>;

/** One worker, one question at a time each with its answer. */
export class Client {
  readonly #worker = new InlineWorker();
  readonly #waiting = new Map<
    number,
    { resolve: (answer: Answer) => void; reject: (error: Error) => void }
  >();
  #next = 0;
  /**
   * The kernels as tested, with those that this browser computes wrongly; readers race for the best
   * of their precision.
   */
  readonly started: Promise<KernelChoice[]>;

  constructor() {
    this.#worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.kind === "error") waiting?.reject(new NibbleError(data.code, data.message));
      else waiting?.resolve(data);
    });
    this.#worker.addEventListener("error", (event) => {
      const error = new NibbleError("Internal", event.message || "the worker failed");
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    this.started = this.#ask("started", { kind: "start", options: packageOptions() }).then(
      ({ kernels }) => kernels,
    );
    // Whoever asks something learns of it; until then it is no fault that nobody listens.
    this.started.catch(() => undefined);
  }

  async #ask<K extends Answer["kind"]>(
    kind: K,
    body: Body,
    transfer: Transferable[] = [],
  ): Promise<AnswerOf<K>> {
    const id = this.#next++;
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...body }, transfer);
    });
    if (answer.kind !== kind)
      throw new NibbleError("Internal", "the worker answered another question");
    return answer as AnswerOf<K>;
  }

  /** Loads the model of a precision ahead of its first use. */
  async load(precision: Precision): Promise<void> {
    await this.started;
    await this.#ask("done", { kind: "load", precision });
  }

  /** Reads a picture; its memory moves to the worker. */
  async read(source: Uint8Array<ArrayBuffer> | ImageData, precision: Precision): Promise<Result> {
    await this.started;
    const buffer = "data" in source ? source.data.buffer : source.buffer;
    return (await quietly(() => this.#ask("result", { kind: "read", precision, source }, [buffer])))
      .result;
  }

  /**
   * Reads one more frame of a video: the answer is that for all frames since `forget`. The picture
   * moves to the worker and comes back with the answer.
   */
  async frame(
    picture: ImageBitmap,
    precision: Precision,
  ): Promise<{ result: Result; picture: ImageBitmap; light: number }> {
    await this.started;
    return quietly(() => this.#ask("frame", { kind: "frame", precision, picture }, [picture]));
  }

  /** The next frame is of another document. */
  async forget(precision: Precision): Promise<void> {
    await this.started;
    await this.#ask("done", { kind: "forget", precision });
  }

  /** Whether the worker can reach a foreign address; the policy of the page says no. */
  async reaches(address: string): Promise<boolean> {
    return (await this.#ask("probed", { kind: "probe", address })).reached;
  }
}
