/** Messages between the page and its worker. */
import type { Binary, ErrorCode, Options, Precision, Result } from "nibble";

export type Request = { id: number } & (
  | { kind: "start"; options: Options }
  | { kind: "load"; precision: Precision }
  | { kind: "read"; precision: Precision; source: Uint8Array | ImageData }
  | { kind: "probe"; address: string }
);

export type Answer = { id: number } & (
  | { kind: "started"; binary: Binary }
  | { kind: "loaded" }
  | { kind: "result"; result: Result }
  | { kind: "probed"; reached: boolean }
  | { kind: "error"; code: ErrorCode; message: string }
);
