/**
 * The bench of `native-bench` in the browser: the same cases, the same statistics, the same JSON.
 *
 *     bench(options?: BenchOptions): Promise<BenchReport>
 *
 * A step blocks its thread for some tenths of a second, so a page calls it from a worker. Between
 * steps the event loop turns, so that messages arrive and `signal` is seen.
 */
import { Bench as Engine } from "./engine.js";
import type { Binary } from "./features.js";
import { NibbleError } from "./error.js";
import { Held } from "./instance.js";
import { type KernelChoice, kernels } from "./kernels.js";
import type { Precision } from "./result.js";

/**
 * What can be measured: products on the papers' grid, whole networks layer by layer, or exactness
 * of every kernel.
 */
export type BenchKind = "gemm" | "network" | "verify";

export interface BenchOptions {
  /** What to measure; all three by default, `verify` first. */
  what?: readonly BenchKind[];
  /** Every kernel that this browser can run, not only those that the reader would choose. */
  allKernels?: boolean;
  /** Repeats of each measurement, 15 by default. */
  repeats?: number;
  /** Told of each step as it ends, with what has been measured so far. */
  onProgress?: (progress: BenchProgress) => void;
  /** Ends the measurement between two steps: the promise rejects with `AbortError`. */
  signal?: AbortSignal;
}

export interface BenchProgress {
  what: BenchKind;
  /** Steps done and steps in all, over everything that was asked for. */
  done: number;
  of: number;
  /** Rows that this step added. */
  rows: readonly BenchRow[];
}

/** One measured case. */
export interface BenchRow {
  /** `gemm`, or network and layer such as `ocr conv1`, or `ocr total`. */
  op: string;
  /** Pixels, filters and depth of the product. */
  m: number;
  n: number;
  k: number;
  /** `f32`, `u8`, `u4`, or a variant with its own column. */
  precision: string;
  kernel: string;
  isa: string;
  /** Median time of one run. */
  ns: number;
  /** Half the distance between the quartiles, in parts of `ns`. */
  spread: number;
  gmacs: number;
  /** Median of the ratios within each repeat. */
  speedup_vs_f32: number | null;
  speedup_vs_u8: number | null;
}

/** Geometric means over the rows of a kernel. */
export interface BenchMean {
  precision: string;
  kernel: string;
  shapes: number;
  gmacs: number;
  speedup_vs_f32: number | null;
  speedup_vs_u8: number | null;
}

/** The verdict on one kernel. */
export interface VerifiedKernel {
  kernel: string;
  isa: string;
  precision: string;
  products: number;
  exact: boolean;
}

/**
 * The JSON of `native-bench gemm --json` and `network --json`, with `verify` and two facts about
 * the clock.
 */
export interface BenchReport {
  device: BenchDevice;
  rows: BenchRow[];
  summary: BenchMean[];
  verify: VerifiedKernel[];
  /** The kernels that the start-up race chose. */
  choice: KernelChoice[];
  /** The figures spread widely: the machine was busy, or slowed itself down. */
  noisy: boolean;
  /** The smallest step of the browser's clock, in milliseconds. */
  clock_step_ms: number;
}

export interface BenchDevice {
  /** Browsers do not name the CPU: the user agent. */
  cpu: string;
  arch: "wasm32";
  os: string;
  /** The binary in use. */
  features: Binary[];
  flags: string;
  threads: number;
  emulated: false;
  version: string;
}

/** What the bench needs of the package: its start, and the bytes of a model. */
export interface BenchHost {
  start(): Promise<Binary>;
  model(precision: Precision): Promise<Uint8Array>;
}

type Part = Omit<BenchReport, "device" | "choice">;

/** That of package.json, which browsers cannot import everywhere; a test compares the two. */
const VERSION = "0.1.0";
const KINDS: readonly BenchKind[] = ["verify", "gemm", "network"];
const PRECISIONS: readonly Precision[] = ["f32", "u8", "u4"];

function device(binary: Binary): BenchDevice {
  return {
    cpu: navigator.userAgent,
    arch: "wasm32",
    os: navigator.platform,
    features: [binary],
    flags: navigator.userAgent,
    threads: navigator.hardwareConcurrency,
    emulated: false,
    version: VERSION,
  };
}

/** Steps that a measurement has left. */
const left = (engine: Held<Engine>): number => engine.call((held) => held.left());

/** A measurement. One whose instance has trapped cannot go on in another. */
function measurement(kind: BenchKind, allKernels: boolean, repeats: number): Held<Engine> {
  let made = false;
  return new Held(() => {
    if (made) throw new NibbleError("Trapped", "the engine has stopped during the measurement");
    made = true;
    return new Engine(kind, allKernels, repeats);
  });
}

/** The function `bench` of a package. */
export function benchOf(host: BenchHost): (options?: BenchOptions) => Promise<BenchReport> {
  return async ({ what = KINDS, allKernels = false, repeats = 0, onProgress, signal } = {}) => {
    const binary = await host.start();
    const engines: [BenchKind, Held<Engine>][] = [];
    try {
      for (const kind of what) {
        const engine = measurement(kind, allKernels, repeats);
        engines.push([kind, engine]);
        if (kind !== "network") continue;
        for (const precision of PRECISIONS) {
          const model = await host.model(precision);
          engine.call((held) => held.add_model(model));
        }
      }
      const of = engines.reduce((sum, [, engine]) => sum + left(engine), 0);
      const report: BenchReport = {
        device: device(binary),
        rows: [],
        summary: [],
        verify: [],
        choice: kernels(),
        noisy: false,
        clock_step_ms: 0,
      };
      let done = 0;
      for (const [kind, engine] of engines) {
        let part: Part | undefined;
        while (left(engine) > 0) {
          // A turn of the event loop, so that an abort posted meanwhile is seen.
          await new Promise((resolve) => setTimeout(resolve));
          signal?.throwIfAborted();
          const text = engine.call((held) => {
            held.step();
            return held.report();
          });
          const seen: number = part?.rows.length ?? 0;
          part = JSON.parse(text) as Part;
          onProgress?.({ what: kind, done: ++done, of, rows: part.rows.slice(seen) });
        }
        if (part === undefined) continue;
        report.rows.push(...part.rows);
        report.summary.push(...part.summary);
        report.verify.push(...part.verify);
        report.noisy ||= part.noisy;
        report.clock_step_ms = part.clock_step_ms;
      }
      return report;
    } catch (thrown) {
      if (signal?.aborted) throw signal.reason;
      throw thrown;
    } finally {
      for (const [, engine] of engines) engine.free();
    }
  };
}
