/** The reading on the screen. */
import type { Precision } from "nibble-mrz";
import type { Reading } from "./decode";
import type { ReadRow } from "./row";

/** The reading on the screen, kept for another precision or language. */
export interface Shown extends Reading {
  file: Blob;
  name: string;
  /** Its row in the table, if it has one. */
  row?: ReadRow;
  /** Where it came from, which is also where "read another" leads. */
  from: "file" | "camera" | "batch";
}

/** Whether the picture is no longer there: a table that is kept has none. */
export function isGone({ file, picture }: Shown): boolean {
  return picture === undefined && file.size === 0;
}

/** Returns the precision that the person has chosen. */
export function precision(): Precision {
  return document.querySelector<HTMLInputElement>("input[name=precision]:checked")
    ?.value as Precision;
}
