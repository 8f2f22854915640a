/** When the frames of a video agree well enough to stop. */
import type { Check, DocumentFields, Result } from "nibble";

/**
 * Answers in a row with the same text that make a reading, each with one more frame in it: a
 * misread that passes all check digits does not come twice.
 */
const ENOUGH = 2;
/** Frames in a row without lines after which another document may come: about half a second. */
const GONE = 15;
/** Answers with a document that is not valid after which the person may take it as it is. */
const PATIENCE = 10;

/** Fields that fill in while frames are read. */
export const LIVE_FIELDS = ["name", "document_number", "birth_date", "expiry_date"] as const;

/** One of them. */
export type LiveField = (typeof LIVE_FIELDS)[number];

/** What the frames so far amount to. */
export interface Progress {
  /** Enough valid answers agree. */
  done: boolean;
  /** The document left the picture: what comes next may be another one. */
  gone: boolean;
  /** The answer to offer where it does not become valid. */
  offer: boolean;
  /** The values of the moment, and whether they have stood still. */
  fields: ReadonlyMap<LiveField, { value: string; settled: boolean }>;
}

function valueOf(field: LiveField, document: DocumentFields): string {
  if (field === "name")
    return [document.given_names, document.surname].filter((part) => part !== "").join(" ");
  return document[field] ?? "";
}

/** Whether the digit over a field, where the format has one, agrees. */
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

  /** Takes the answer to one more frame. */
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
