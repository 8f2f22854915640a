/** Messages between the page and its worker. */
import type { Binary, ErrorCode, KernelChoice, Options, Precision, Result } from "nibble";

/** The answer to a frame of a video: that for all frames of the document so far. */
export type FrameResult = Result & {
  /** Frames whose evidence is in it. */
  frames: number;
};

export type Request = { id: number } & (
  | { kind: "start"; options: Options }
  | { kind: "load"; precision: Precision }
  | { kind: "read"; precision: Precision; source: Uint8Array | ImageData }
  | { kind: "frame"; precision: Precision; picture: ImageBitmap }
  | { kind: "forget"; precision: Precision }
  | { kind: "probe"; address: string }
);

export type Answer = { id: number } & (
  | { kind: "started"; binary: Binary; kernels: KernelChoice[] }
  | { kind: "done" }
  | { kind: "result"; result: Result }
  | { kind: "frame"; result: FrameResult; picture: ImageBitmap; light: number }
  | { kind: "probed"; reached: boolean }
  | { kind: "error"; code: ErrorCode; message: string }
);
