/** A row of the table of several files. */
import type { Reading } from "./decode";

/** A file with its reading or its error; with neither until it is read. */
export interface Row {
  file: File;
  reading?: Reading;
  error?: unknown;
}

/** A row that has a reading. */
export type ReadRow = Row & { reading: Reading };
