/** What the view shows of a report: few enough figures to travel in an address. */
import type { BenchReport, BenchRow } from "nibble";

/** Precisions, from the widest. */
export const PRECISIONS = ["f32", "u8", "u4"] as const;
export type Width = (typeof PRECISIONS)[number];

/** Products on the papers' grid, the reader's network, the larger one. */
export const WORKS = ["gemm", "ocr", "synthetic"] as const;
export type Work = (typeof WORKS)[number];

/** One precision at one work. */
export interface Figure {
  /** Thousand millions of multiply-adds a second, geometric mean. */
  gmacs: number;
  /** Times as fast as f32 and as 8 bits, geometric means. */
  overF32: number;
  overU8: number;
  /** Milliseconds of a whole run; null for products. */
  ms: number | null;
}

/** A report in short. */
export interface Measured {
  /**
   * What the report says of the machine: its CPU, or the browser where that is all there is to
   * know.
   */
  device: string;
  kernels: Partial<Record<Width, { kernel: string; isa: string }>>;
  figures: Partial<Record<Work, Partial<Record<Width, Figure>>>>;
  /** The figures spread widely. */
  noisy: boolean;
}

/** What is needed of the JSON of `native-bench`; the browser's has more. */
export type Report = Pick<BenchReport, "device" | "rows"> & Partial<BenchReport>;

const mean = (values: number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/**
 * The kernel that stands for a precision: of several that were measured, the first is the one that
 * the machine would choose.
 */
function chosen(rows: readonly BenchRow[], width: Width): BenchRow | undefined {
  return rows.find((row) => row.precision === width && !row.kernel.startsWith("crate "));
}

/** Rows of one work: all shapes of `gemm`, or a network's total. */
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

/** Shortens a report. */
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
  return { device: report.device.cpu, kernels, figures, noisy: report.noisy ?? false };
}

/** Whether a parsed file is a report of `native-bench gemm` or `network`, or of this view. */
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
