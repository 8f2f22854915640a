/** Messages between the how-it-works view and its worker. */
import type { Options, Precision } from "nibble";
import type { LayerMaps } from "../../pkg/explain.js";

/** What is shown beside one another. */
export const PRECISIONS = ["f32", "u8", "u4"] as const satisfies readonly Precision[];

/** Asks for everything that is shown of one picture. */
export interface Question {
  options: Options;
  /** Addresses of the models. */
  models: Record<Precision, string>;
  file: Uint8Array<ArrayBuffer>;
}

/** Gray codes of a line, 24 rows, and each layer's output at each precision. */
export interface Look {
  strip: Uint8Array;
  text: string;
  maps: Record<Precision, LayerMaps[]>;
}

export type Answer = { look: Look } | { error: string };
