/** Messages between the page and its worker. */
import type {
  Binary,
  ErrorCode,
  KernelChoice,
  Luma,
  Options,
  Part,
  Precision,
  Result,
} from "nibble-mrz";

export type Request = { id: number } & (
  | { kind: "start"; options: Options }
  | { kind: "load"; precision: Precision }
  | { kind: "read"; precision: Precision; source: Uint8Array | ImageData }
  | { kind: "frame"; precision: Precision; picture: ImageBitmap }
  | { kind: "luma"; precision: Precision; frame: VideoFrame; part: Part; size: Luma["size"] }
  | { kind: "forget"; precision: Precision }
);

export type Answer = { id: number } & (
  | { kind: "started"; binary: Binary; kernels: KernelChoice[] }
  | { kind: "done" }
  | { kind: "result"; result: Result }
  | { kind: "frame"; result: Result; picture: ImageBitmap; light: number }
  | { kind: "luma"; result: Result; light: number }
  | { kind: "error"; code: ErrorCode; message: string }
);
