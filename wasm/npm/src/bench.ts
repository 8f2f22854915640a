/**
 * Runs the measurements of `native-bench` in the browser: the same cases, statistics and JSON.
 *
 * `bench` blocks its thread for some tenths of a second per step, so a page should call it from a
 * worker. It yields to the event loop between steps: messages arrive, and an abort is noticed.
 */
import start, { Bench as Engine, choose_kernels, initSync, restart } from "./bench-engine.js";
import { NibbleError } from "./error.js";
import type { Binary } from "./features.js";
import { benchFile, modelFile } from "./files.js";
import { Held, Instance } from "./instance.js";
import type { KernelChoice } from "./kernels.js";
import { compile, load } from "./load.js";
import type { Precision } from "./result.js";

/**
 * What can be measured: matrix products on the papers' grid, whole networks layer by layer, or
 * whether every kernel is exact.
 */
export type BenchKind = "gemm" | "network" | "verify";

export interface BenchOptions {
  /** What to measure. By default all three, `verify` first. */
  what?: readonly BenchKind[];
  /**
   * Measure every kernel that this browser can run, not only those that the reader would choose.
   */
  allKernels?: boolean;
  /** Repeats of each measurement; 15 by default. */
  repeats?: number;
  /** Called after each step with the rows that it added. */
  onProgress?: (progress: BenchProgress) => void;
  /** Aborts the measurement between two steps; the promise then rejects with `AbortError`. */
  signal?: AbortSignal;
}

export interface BenchProgress {
  what: BenchKind;
  /** Steps done, and the total over all kinds that were asked for. */
  done: number;
  of: number;
  /** Rows that this step added. */
  rows: readonly BenchRow[];
}

/** One measured case. */
export interface BenchRow {
  /** `gemm`, or a network and its layer (`ocr conv1`), or a network's total (`ocr total`). */
  op: string;
  /** Pixels, filters and depth of the product. */
  m: number;
  n: number;
  k: number;
  /** `f32`, `u8`, `u4`, or the name of a variant that has a column of its own. */
  precision: string;
  kernel: string;
  isa: string;
  /** Median time of one run, in nanoseconds. */
  ns: number;
  /** Half the interquartile range, as a fraction of `ns`. */
  spread: number;
  gmacs: number;
  /**
   * Median over the repeats of the ratio measured within one repeat; null without a counterpart.
   */
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
  /** The kernels that won the race at start-up. */
  choice: KernelChoice[];
  /** Whether the figures vary a lot: the machine was busy, or slowed itself down. */
  noisy: boolean;
  /** The smallest step of the browser's clock, in milliseconds. */
  clock_step_ms: number;
}

export interface BenchDevice {
  /** The user agent, because browsers do not reveal the CPU. */
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

type Part = Omit<BenchReport, "device" | "choice">;

/** The version in package.json, which not every browser can import. A test compares the two. */
const VERSION = "0.2.0";
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

/** The instance of the module that measures. It is loaded when it is first needed. */
const measuring = new Instance({ start, initSync, choose_kernels, restart });
/** The start, pending or done. A failed start is cleared, so that the next call tries again. */
let starting: Promise<void> | undefined;

function started(binary: Binary): Promise<void> {
  if (starting === undefined) {
    const mine = compile(benchFile(binary)).then((module) => measuring.start(module));
    starting = mine;
    mine.catch(() => (starting = undefined));
  }
  return starting;
}

/** The number of steps that a measurement still has to do. */
const left = (engine: Held<Engine>): number => engine.call((held) => held.left());

/**
 * Starts a measurement. After a trap it cannot continue in a new instance, because what it measured
 * is lost.
 */
function measurement(kind: BenchKind, allKernels: boolean, repeats: number): Held<Engine> {
  let made = false;
  return new Held(measuring, () => {
    if (made) throw new NibbleError("Trapped", "the engine has stopped during the measurement");
    made = true;
    return new Engine(kind, allKernels, repeats);
  });
}

/** Makes the function `bench` for a package; `init` resolves to the binary to run. */
export function benchOf(
  init: () => Promise<Binary>,
): (options?: BenchOptions) => Promise<BenchReport> {
  return async ({ what = KINDS, allKernels = false, repeats = 0, onProgress, signal } = {}) => {
    const binary = await init();
    await started(binary);
    const engines: [BenchKind, Held<Engine>][] = [];
    try {
      for (const kind of what) {
        const engine = measurement(kind, allKernels, repeats);
        engines.push([kind, engine]);
        if (kind !== "network") continue;
        for (const precision of PRECISIONS) {
          const model = await load(modelFile(precision));
          engine.call((held) => held.add_model(model));
        }
      }
      const of = engines.reduce((sum, [, engine]) => sum + left(engine), 0);
      const report: BenchReport = {
        device: device(binary),
        rows: [],
        summary: [],
        verify: [],
        choice: JSON.parse(measuring.call(() => choose_kernels(true))) as KernelChoice[],
        noisy: false,
        clock_step_ms: 0,
      };
      let done = 0;
      for (const [kind, engine] of engines) {
        let part: Part | undefined;
        while (left(engine) > 0) {
          // Yield to the event loop, so that an abort posted meanwhile is noticed.
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
