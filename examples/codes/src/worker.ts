/** Runs the network: a gray frame comes in, and the chance of a code in each cell goes out. */
import { Network, NibbleError, realsOf } from "nibble-mrz/network";

/** A gray frame, row by row, and how many times to run it. */
export interface Frame {
  gray: Uint8Array<ArrayBuffer>;
  width: number;
  height: number;
  runs: number;
}

/** The chance of a code in each cell, row by row. */
export interface Found {
  chances: Float32Array<ArrayBuffer>;
  rows: number;
  columns: number;
  /** How long a run took, in milliseconds: the mean of all runs. */
  ms: number;
}

export type Answer = Found | { error: string };

const loading = Network.load(new URL("../codes.safetensors", import.meta.url));

async function answer({ gray, width, height, runs }: Frame): Promise<Answer> {
  try {
    const network = await loading;
    const input = { data: gray, width, height };
    const begin = performance.now();
    for (let run = 1; run < runs; run++) network.run(input);
    const { codes } = network.run(input);
    const ms = (performance.now() - begin) / runs;
    if (codes === undefined) throw new Error("the network has no output `codes`");
    const [rows, columns] = codes.shape;
    const chances = Float32Array.from(realsOf(codes), (real) => 1 / (1 + Math.exp(-real)));
    return { chances, rows, columns, ms };
  } catch (thrown) {
    return {
      error: thrown instanceof NibbleError ? `${thrown.code}: ${thrown.message}` : String(thrown),
    };
  }
}

self.addEventListener("message", async ({ data }: MessageEvent<Frame>) =>
  self.postMessage(await answer(data)),
);
