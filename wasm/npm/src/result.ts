/** The result of one reading: the JSON of `native-bench read` with a few more keys. */
export interface Result {
  schema: 1;
  precision: Precision;
  model: { version: string; hash: string };
  /** The lines after the grammar was applied; empty if no zone was found. */
  lines: string[];
  /** The lines as the network read them, before the grammar was applied. */
  raw_lines: string[];
  /** True if the text can be trusted: nothing speaks against it. */
  valid: boolean;
  /** What speaks against the text; absent if it is valid or if no zone was found. */
  not_valid_because?: NotValidBecause[];
  document: DocumentFields | null;
  checks: Check[];
  review: Review[];
  /** All documents of the picture in reading order, the best one among them. */
  documents: Found[];
  /** FNV-1a 64 hash of all logits; null for f32 or if no line was found. */
  digest: string | null;
  /** FNV-1a 64 hash of the gray pixels, eight at a time: docs/json.md says how. */
  gray_digest: string;
  ms: { decode: number; locate: number; network: number; total: number };
  /** Corners of each line in pixels of the picture, clockwise from the top left of the text. */
  quads: [number, number][][];
  /** Probability of each character of `lines`. */
  confidences: number[][];
  /**
   * Number of frames that contributed to `lines`: 1 for a single picture, 0 if no zone was found.
   */
  frames: number;
  kernel: string;
  isa: string;
  /** Size in pixels of the picture after it was turned upright. */
  width: number;
  height: number;
}

/** The arithmetic of a network: 32-bit float, 8-bit or 4-bit integers. */
export type Precision = "f32" | "u8" | "u4";

/** The fields of a document. Dates are ISO 8601, or null where the zone states none that exists. */
export interface DocumentFields {
  format: "TD1" | "TD2" | "TD3" | "MRVA" | "MRVB" | "FRA36" | "D1FRA" | "D1NLD" | "CRFRA" | "FACHE";
  issuer: string;
  surname: string;
  given_names: string;
  document_number: string;
  nationality: string;
  birth_date: string | null;
  /** Year, or year and month, where the zone has fillers for the rest; otherwise absent. */
  birth_date_partial?: string;
  expiry_date: string | null;
  sex: string | null;
  optional: string | null;
  /** The vehicle of a registration certificate; otherwise absent. */
  vehicle?: Vehicle;
  /**
   * Document number, birth date and date of expiry with their check digits: what opens the chip.
   * Absent where these do not agree, and for documents without such a chip.
   */
  mrz_key?: string;
  /** True where the field of names is full to its last place; otherwise absent. */
  names_may_be_truncated?: true;
}

/** What a registration certificate says of its vehicle. Its date is ISO 8601, or null. */
export interface Vehicle {
  /** Without hyphens. */
  registration_number: string;
  /** 17 characters. */
  identification_number: string;
  first_registration: string | null;
  /** The national category, such as VP, a passenger car. */
  category: string;
  /** The national body type, such as CI, a closed body. */
  body: string;
  make: string;
  model: string;
}

/** One document of a picture. The keys mean what they mean in {@link Result}. */
export interface Found {
  lines: string[];
  raw_lines: string[];
  valid: boolean;
  not_valid_because?: NotValidBecause[];
  document: DocumentFields;
  checks: Check[];
  review: Review[];
  quads: [number, number][][];
  confidences: number[][];
}

/** Whether one check digit agrees with the characters it protects. */
export interface Check {
  field:
    | "document_number"
    | "birth_date"
    | "expiry_date"
    | "optional"
    | "registration_number"
    | "vehicle_number"
    | "first_registration"
    | "composite";
  ok: boolean;
}

/** Why a reading is not valid. */
export type NotValidBecause =
  | "check_digit"
  | "no_check_digit"
  | "overruled"
  | "doubtful_unprotected"
  | "foreign_character"
  | "impossible_date"
  | "cut_off"
  | "ambiguous_text"
  | "covered"
  | "low_score";

/** A character that a person should check, or a note on the whole picture (`line` is null). */
export interface Review {
  line: number | null;
  pos: number | null;
  raw: string;
  alt: string;
  confidence: number;
  note?: string;
}
