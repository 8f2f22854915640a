/** A row of the table of several files. */
import type { Reading } from "./decode";

/** A file, and its reading or the error it ended in; neither while it waits. */
export interface Row {
  file: File;
  reading?: Reading;
  error?: unknown;
}
