/** The result of one reading; the JSON of `native-bench read` with a few keys of the browser's. */
export interface Result {
  schema: 1;
  precision: Precision;
  model: { version: string; hash: string };
  /** Lines as decoded; empty where no zone was found. */
  lines: string[];
  /** Lines as read, before the grammar. */
  raw_lines: string[];
  /**
   * Every check digit agrees, no confident reading was changed, nothing unprotected is doubtful.
   */
  valid: boolean;
  document: DocumentFields | null;
  checks: Check[];
  review: Review[];
  /** FNV-1a 64 over all logits; null for f32 or no line. */
  digest: string | null;
  /** FNV-1a 64 over the gray pixels. */
  gray_digest: string;
  ms: { decode: number; locate: number; network: number; total: number };
  /** Corners of each line in picture pixels, clockwise from the text's top left. */
  quads: [number, number][][];
  /** Probability of each character of `lines`. */
  confidences: number[][];
  /** Frames whose evidence is in `lines`: 1 for a picture alone, 0 where no zone was found. */
  frames: number;
  kernel: string;
  isa: string;
  /** Size of the upright picture that was read, in pixels. */
  width: number;
  height: number;
}

/** The arithmetic of the network. */
export type Precision = "f32" | "u8" | "u4";

/** Fields of a document; dates are ISO or null. */
export interface DocumentFields {
  format: "TD1" | "TD2" | "TD3" | "MRVA" | "MRVB" | "FRA36";
  issuer: string;
  surname: string;
  given_names: string;
  document_number: string;
  nationality: string;
  birth_date: string | null;
  expiry_date: string | null;
  sex: string | null;
  optional: string | null;
}

/** The plain verdict on one check digit. */
export interface Check {
  field: "document_number" | "birth_date" | "expiry_date" | "optional" | "composite";
  ok: boolean;
}

/** A character that a person should look at, or a note on the whole picture (`line` is null). */
export interface Review {
  line: number | null;
  pos: number | null;
  raw: string;
  alt: string;
  confidence: number;
  note?: string;
}
