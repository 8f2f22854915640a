/** The picture read last, for the other views; it is held in memory alone. */
import type { Result } from "nibble";

let last: Blob | undefined;

/** Keeps a picture in which lines were found. */
export function remember(file: Blob, result: Result): void {
  if (result.quads.length > 0) last = file;
}

/** The last picture in which lines were found. */
export function lastRead(): Blob | undefined {
  return last;
}
