/** The last picture read, for the other views. It is kept in memory only. */
import type { Result } from "nibble-mrz";

let last: Blob | undefined;

/** Remembers a picture if lines were found in it. */
export function remember(file: Blob, result: Result): void {
  if (result.quads.length > 0) last = file;
}

/** Returns the last picture in which lines were found. */
export function lastRead(): Blob | undefined {
  return last;
}
