/** Messages between the how-it-works view and its worker. */
import type { ErrorCode, Options, Precision } from "nibble-mrz";
import type { LayerMaps } from "nibble-mrz/explain";

/** The precisions shown side by side. */
export const PRECISIONS = ["f32", "u8", "u4"] as const satisfies readonly Precision[];

/** Requests everything that is shown for one picture. */
export interface Question {
  options: Options;
  /** Addresses of the models. */
  models: Record<Precision, string>;
  source: Blob | ImageData;
}

/** The strip of a line (24 rows of gray codes), and each layer's output at each precision. */
export interface Look {
  strip: Uint8Array;
  text: string;
  maps: Record<Precision, LayerMaps[]>;
}

export type Answer = { look: Look } | { error: string; code?: ErrorCode };
