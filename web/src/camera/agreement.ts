/** Decides when the frames of a video agree well enough to stop. */
import type { Check, DocumentFields, Result } from "nibble";

/**
 * Number of consecutive answers with the same text that are enough. Each answer includes one more
 * frame; a misreading that passes all check digits does not occur twice in a row.
 */
const ENOUGH = 2;
/**
 * Number of consecutive frames without lines after which another document may follow: about half a
 * second.
 */
const GONE = 15;
/** Number of answers with an invalid document after which the person may accept it as it is. */
const PATIENCE = 10;

/** Fields that are filled in while frames are read. */
export const LIVE_FIELDS = ["name", "document_number", "birth_date", "expiry_date"] as const;

/** The name of such a field. */
export type LiveField = (typeof LIVE_FIELDS)[number];

/** What follows from the frames so far. */
export interface Progress {
  /** Whether enough valid answers agree. */
  done: boolean;
  /** Whether the document has left the picture, so that the next one may be another. */
  gone: boolean;
  /** Whether to offer the current answer, because it does not become valid. */
  offer: boolean;
  /** The current values, and whether each has stopped changing. */
  fields: ReadonlyMap<LiveField, { value: string; settled: boolean }>;
}

function valueOf(field: LiveField, document: DocumentFields): string {
  if (field === "name")
    return [document.given_names, document.surname].filter((part) => part !== "").join(" ");
  return document[field] ?? "";
}

/** Returns whether the check digit of a field agrees; true if the format has none for it. */
function passes(field: LiveField, checks: readonly Check[]): boolean {
  return checks.find((check) => check.field === field)?.ok ?? true;
}

/** Follows the answers of one document. */
export class Agreement {
  readonly #fields = new Map<LiveField, { value: string; run: number; settled: boolean }>();
  #text = "";
  #run = 0;
  #read = 0;
  #empty = 0;

  /** Adds the answer to one more frame. */
  add(result: Result): Progress {
    const found = result.quads.length > 0;
    this.#empty = found ? 0 : this.#empty + 1;
    if (found && result.document !== null) this.#take(result, result.document);
    return {
      done: this.#run >= ENOUGH,
      gone: this.#empty >= GONE && this.#fields.size > 0,
      offer: this.#read >= PATIENCE,
      fields: this.#fields,
    };
  }

  /** Begins a new document. */
  forget(): void {
    this.#fields.clear();
    this.#text = "";
    this.#run = this.#read = this.#empty = 0;
  }

  #take(result: Result, document: DocumentFields): void {
    this.#read++;
    const text = result.lines.join("\n");
    this.#run = !result.valid ? 0 : text === this.#text ? this.#run + 1 : 1;
    this.#text = text;
    for (const field of LIVE_FIELDS) {
      const value = valueOf(field, document);
      const before = this.#fields.get(field);
      const run = before?.value === value ? before.run + 1 : 1;
      if (value !== "")
        this.#fields.set(field, {
          value,
          run,
          settled: run >= ENOUGH && passes(field, result.checks),
        });
    }
  }
}
