/**
 * Starts the bench's worker and follows it. Each run has a worker of its own and frees its memory
 * at the end.
 */
import { NibbleError, type BenchReport } from "nibble-mrz";
import relaxed from "../../pkg/nibble-bench-relaxed.wasm?url";
import simd128 from "../../pkg/nibble-bench-simd128.wasm?url";
import { absolute, packageOptions } from "../files";
import { quietly } from "../quiet";
import type { Digests, News, Order, ReadingTimes } from "./protocol";
import BenchWorker from "./worker?worker&inline";

/** A run in progress. */
export interface Run<T> {
  /** Resolves to `null` if the run is cancelled. */
  result: Promise<T | null>;
  cancel(): void;
}

/**
 * Returns the number of repeats from the address (`?repeats=3`, for tests); 0 means the usual
 * number.
 */
const repeats = (): number => Number(new URLSearchParams(location.search).get("repeats") ?? 0);

/**
 * Sends an order and handles the worker's messages. `hear` returns the result once it is complete.
 */
function run<T>(
  order: Exclude<Order, { kind: "cancel" }>,
  hear: (news: News) => T | undefined,
): Run<T> {
  const worker = new BenchWorker();
  const tell = (message: Order): void => worker.postMessage(message);
  const work = () =>
    new Promise<T | null>((resolve, reject) => {
      worker.addEventListener("message", ({ data }: MessageEvent<News>) => {
        if (data.kind === "error") reject(new NibbleError(data.code, data.message));
        if (data.kind === "cancelled") resolve(null);
        const result = hear(data);
        if (result !== undefined) resolve(result);
      });
      worker.addEventListener("error", (event) =>
        reject(new NibbleError("Internal", event.message || "the worker failed")),
      );
      tell(order);
    });
  const result = quietly(work).finally(() => worker.terminate());
  return { result, cancel: () => tell({ kind: "cancel" }) };
}

/** Tests every kernel, then measures products, networks and whole readings in this browser. */
export function measure(
  picture: string,
  onProgress: (done: number, of: number) => void,
): Run<BenchReport & { reading: ReadingTimes }> {
  const order = {
    kind: "measure",
    options: { ...packageOptions(), bench: absolute({ relaxed, simd128 }) },
    what: ["verify", "gemm", "network"],
    repeats: repeats(),
    picture,
  } satisfies Order;
  return run(order, (news) => {
    if (news.kind === "progress") onProgress(news.progress.done, news.progress.of);
    return news.kind === "measured" ? news.report : undefined;
  });
}

/** Reads pictures and collects their digests. */
export function digests(
  pictures: [string, string][],
  onProgress: (done: number, of: number) => void,
): Run<Digests[]> {
  const found: Digests[] = [];
  return run({ kind: "compare", options: packageOptions(), pictures }, (news) => {
    if (news.kind === "digests") {
      found.push(news.digests);
      onProgress(news.done, news.of);
    }
    return news.kind === "compared" ? found : undefined;
  });
}
