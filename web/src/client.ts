/** The page's side of the worker. */
import { NibbleError, type Binary, type Precision, type Result } from "nibble";
import { packageFiles } from "./files";
import type { Answer, Request } from "./protocol";
import InlineWorker from "./worker?worker&inline";

type Body = Request extends infer R ? (R extends Request ? Omit<R, "id"> : never) : never;

/** One worker, one question at a time each with its answer. */
export class Client {
  readonly #worker = new InlineWorker();
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #next = 0;
  readonly started: Promise<Binary>;

  constructor(binary?: Binary) {
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
    const options = { ...packageFiles(), ...(binary && { binary }) };
    this.started = this.#ask({ kind: "start", options }).then((answer) => {
      if (answer.kind !== "started") throw new NibbleError("Internal", "the worker answered another question");
      return answer.binary;
    });
  }

  #ask(body: Body, transfer: Transferable[] = []): Promise<Answer> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...body }, transfer);
    });
  }

  /** Loads the model of a precision ahead of its first use. */
  async load(precision: Precision): Promise<void> {
    await this.started;
    await this.#ask({ kind: "load", precision });
  }

  /** Reads a picture; its memory moves to the worker. */
  async read(source: Uint8Array<ArrayBuffer> | ImageData, precision: Precision): Promise<Result> {
    await this.started;
    const buffer = "data" in source ? source.data.buffer : source.buffer;
    const answer = await this.#ask({ kind: "read", precision, source }, [buffer]);
    if (answer.kind !== "result") throw new NibbleError("Internal", "the worker answered another question");
    return answer.result;
  }

  /** Whether the worker can reach a foreign address; the policy of the page says no. */
  async reaches(address: string): Promise<boolean> {
    const answer = await this.#ask({ kind: "probe", address });
    return answer.kind === "probed" && answer.reached;
  }
}
