/** The summary of a report that the view shows: few enough figures to fit into an address. */
import type { BenchReport, BenchRow } from "nibble-mrz";

/** Precisions, widest first. */
export const PRECISIONS = ["f32", "u8", "u4"] as const;
export type Width = (typeof PRECISIONS)[number];

/** Workloads: products on the papers' grid, the reader's network, the larger network. */
export const WORKS = ["gemm", "ocr", "synthetic"] as const;
export type Work = (typeof WORKS)[number];

/** One precision on one workload. */
export interface Figure {
  /** Billions of multiply-adds per second; geometric mean. Null where only ratios are known. */
  gmacs: number | null;
  /** Speed-up over f32 and over 8 bits; geometric means. */
  overF32: number;
  overU8: number;
  /** Milliseconds for one run of the network; null for products. */
  ms: number | null;
}

/** The summary of a report. */
export interface Measured {
  /** The CPU as the report names it, or the browser if the CPU is unknown. */
  device: string;
  kernels: Partial<Record<Width, { kernel: string; isa: string }>>;
  figures: Partial<Record<Work, Partial<Record<Width, Figure>>>>;
  /** Whether the figures vary a lot. */
  noisy: boolean;
  /** Milliseconds of a whole reading; browsers alone measure it. */
  reading?: Record<Width, number>;
  /** When and with what it was measured, if that is known. */
  made?: Made;
}

/** When and with what a result was measured. */
export interface Made {
  /** The day, YYYY-MM-DD. */
  date: string;
  /** The release of the package. */
  version: string;
  /** The commit of which the page was built. */
  commit: string;
}

/** The part of `native-bench`'s JSON that is needed here. The browser's report contains more. */
export type Report = Pick<BenchReport, "device" | "rows"> &
  Partial<BenchReport> & {
    reading?: Measured["reading"];
    made?: Made;
  };

const mean = (values: number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/**
 * Returns the row of the kernel that represents a precision. If several were measured, that is the
 * first: the one that the machine would choose.
 */
function chosen(rows: readonly BenchRow[], width: Width): BenchRow | undefined {
  return rows.find((row) => row.precision === width && !row.kernel.startsWith("crate "));
}

/** Returns the rows of one workload: all shapes of `gemm`, or the total of a network. */
function rowsOf(report: Report, work: Work): BenchRow[] {
  return report.rows.filter((row) => row.op === (work === "gemm" ? "gemm" : `${work} total`));
}

function figure(rows: BenchRow[], work: Work): Figure {
  return {
    gmacs: mean(rows.map((row) => row.gmacs)),
    overF32: mean(rows.map((row) => row.speedup_vs_f32 ?? 1)),
    overU8: mean(rows.map((row) => row.speedup_vs_u8 ?? 1)),
    ms: work === "gemm" ? null : mean(rows.map((row) => row.ns / 1e6)),
  };
}

/** Summarises a report. */
export function measured(report: Report): Measured {
  const kernels: Measured["kernels"] = {};
  const figures: Measured["figures"] = {};
  for (const work of WORKS) {
    const rows = rowsOf(report, work);
    for (const width of PRECISIONS) {
      const first = chosen(rows, width);
      if (first === undefined) continue;
      kernels[width] ??= { kernel: first.kernel, isa: first.isa };
      const same = rows.filter((row) => row.precision === width && row.kernel === first.kernel);
      (figures[work] ??= {})[width] = figure(same, work);
    }
  }
  return {
    device: report.device.cpu,
    kernels,
    figures,
    noisy: report.noisy ?? false,
    ...(report.reading !== undefined && { reading: report.reading }),
    ...(report.made !== undefined && { made: report.made }),
  };
}

/**
 * Returns whether a parsed file is a report of `native-bench gemm`, `native-bench network` or this
 * view.
 */
export function isReport(value: unknown): value is Report {
  const report = value as Partial<Report> | null;
  const isRow = (row: Partial<BenchRow> | null) =>
    typeof row?.op === "string" &&
    typeof row.precision === "string" &&
    typeof row.kernel === "string" &&
    Number.isFinite(row.gmacs);
  return (
    typeof report === "object" &&
    typeof report?.device?.cpu === "string" &&
    Array.isArray(report.rows) &&
    report.rows.length > 0 &&
    report.rows.every(isRow)
  );
}
