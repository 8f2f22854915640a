/** Messages between the bench view and its worker. */
import type {
  BenchKind,
  BenchProgress,
  BenchReport,
  ErrorCode,
  Options,
  Precision,
} from "nibble-mrz";

/** Precisions whose results are the same bits on every machine. */
export const EXACT = ["u8", "u4"] as const;
export type Exact = (typeof EXACT)[number];

/** Digests of one picture at one precision. */
export interface Digests {
  file: string;
  precision: Exact;
  gray: string;
  digest: string | null;
}

/** Median milliseconds of reading one picture, from gray pixels to fields, at each precision. */
export type ReadingTimes = Record<Precision, number>;

export type Order =
  /** `picture`: the address of the picture that is read whole. */
  | { kind: "measure"; options: Options; what: BenchKind[]; repeats: number; picture: string }
  /** `pictures`: name and address of each. */
  | { kind: "compare"; options: Options; pictures: [string, string][] }
  | { kind: "cancel" };

export type News =
  | { kind: "progress"; progress: Omit<BenchProgress, "rows"> }
  | { kind: "measured"; report: BenchReport & { reading: ReadingTimes } }
  | { kind: "digests"; digests: Digests; done: number; of: number }
  | { kind: "compared" }
  | { kind: "cancelled" }
  | { kind: "error"; code: ErrorCode; message: string };
