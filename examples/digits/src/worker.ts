/** Runs the network: pixels come in, the scores of the ten digits go out. */
import { Network, NibbleError } from "nibble-mrz/network";

/** Scores as real numbers, and the milliseconds of a run; or what went wrong. */
export type Answer = { scores: number[]; ms: number } | { error: string };

/** Browsers round their clocks, so a picture is run several times. */
const RUNS = 20;

const loading = Network.load(new URL("../digits.safetensors", import.meta.url));

async function answer(image: Uint8Array): Promise<Answer> {
  try {
    const network = await loading;
    const begin = performance.now();
    for (let run = 1; run < RUNS; run++) network.run(image);
    const { scores } = network.run(image);
    const ms = (performance.now() - begin) / RUNS;
    if (scores === undefined) throw new Error("the network has no scores");
    // All scores have the same scale, so the largest integer is the largest score.
    const [scale = 1] = scores.scales;
    return { scores: Array.from(scores.values, (score) => score * scale), ms };
  } catch (thrown) {
    return {
      error: thrown instanceof NibbleError ? `${thrown.code}: ${thrown.message}` : String(thrown),
    };
  }
}

self.addEventListener("message", async ({ data }: MessageEvent<Uint8Array>) =>
  self.postMessage(await answer(data)),
);
