/** The picture read last, for the other views; it is held in memory alone. */
import type { Result } from "nibble";

/** A picture and where its lines are. */
export interface LastRead {
  file: Blob;
  quads: Result["quads"];
}

let last: LastRead | undefined;

/** Keeps a picture in which lines were found. */
export function remember(file: Blob, result: Result): void {
  if (result.quads.length > 0) last = { file, quads: result.quads };
}

/** The last picture in which lines were found. */
export function lastRead(): LastRead | undefined {
  return last;
}
