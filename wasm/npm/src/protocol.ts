/** Messages between a page and the worker that reads. */
import type { ErrorCode } from "./error.js";
import type { Binary } from "./features.js";
import type { Options } from "./files.js";
import type { Progress } from "./load.js";
import type { KernelChoice } from "./kernels.js";
import type { Luma, Part } from "./luma.js";
import type { Precision, Result } from "./result.js";

/** How a frame is read. */
export interface How {
  /** Whether left and right are exchanged first. */
  mirrored: boolean;
  /** Whether it is read by itself: the frames before and after know nothing of it. */
  alone: boolean;
}

/** A file that the page has requested already: its address, and where its answer arrives. */
export interface Begun {
  address: string;
  port: MessagePort;
}

export type Request = { id: number } & (
  | { kind: "start"; options: Omit<Options, "onProgress">; progress: boolean; begun: Begun[] }
  | { kind: "load"; precision: Precision }
  /** Without a file, the decoder of JPEG files. */
  | { kind: "decoder"; file: Blob | undefined }
  | { kind: "read"; precision: Precision; source: Blob | Uint8Array | ImageData }
  | { kind: "frame"; precision: Precision; picture: ImageBitmap; how: How }
  | {
      kind: "luma";
      precision: Precision;
      frame: VideoFrame;
      part: Part;
      size: Luma["size"];
      mirrored: boolean;
    }
  | { kind: "forget"; precision: Precision }
  | { kind: "parse"; text: string }
);

export type Answer = { id: number } & (
  | { kind: "started"; binary: Binary; kernels: KernelChoice[] }
  | { kind: "done" }
  | { kind: "parsed"; parsed: Pick<Result, "lines" | "checks" | "document"> }
  | { kind: "result"; result: Result }
  | { kind: "frame"; result: Result; picture: ImageBitmap; light: number }
  | { kind: "luma"; result: Result; light: number }
  | ({ kind: "progress" } & Progress)
  | { kind: "error"; code: ErrorCode; message: string }
);
