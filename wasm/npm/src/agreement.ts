/** Decides when the frames of a video agree well enough to stop. */
import type { Check, DocumentFields, Result } from "./result.js";

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
/** How long no lines were found once a document is no longer there; milliseconds. */
const AWAY_MS = 500;
/**
 * How long a document must have been read without becoming valid before the person may accept the
 * reading as it is; milliseconds.
 */
const PATIENCE_MS = 3000;
/** How long lines may be in the picture before one says what may keep them from being read. */
const SLOW_MS = 1500;

/** Fields that are filled in while frames are read. */
export const LIVE_FIELDS = ["name", "document_number", "birth_date", "expiry_date"] as const;

/** The name of such a field. */
export type LiveField = (typeof LIVE_FIELDS)[number];

/** What follows from the frames so far. */
export interface Progress {
  /** Whether enough valid answers agree, and the document is in this frame. */
  done: boolean;
  /** Whether the document has left the picture, so that the next one may be another. */
  gone: boolean;
  /** Whether no document has been in the picture for some time. */
  away: boolean;
  /** Whether lines have been in the picture for long enough to be read. */
  slow: boolean;
  /** Whether to offer the current answer, because it does not become valid. */
  offer: boolean;
  /**
   * The current values, whether each has stopped changing, and whether a check digit confirms it:
   * none does for names.
   */
  fields: ReadonlyMap<LiveField, { value: string; settled: boolean; confirmed: boolean }>;
}

function valueOf(field: LiveField, document: DocumentFields): string {
  if (field === "name")
    return [document.given_names, document.surname].filter((part) => part !== "").join(" ");
  const known = field === "birth_date" ? document.birth_date_partial : undefined;
  return document[field] ?? known ?? "";
}

/** Returns whether the check digit of a field agrees; undefined if the format has none for it. */
function verdict(field: LiveField, checks: readonly Check[]): boolean | undefined {
  return checks.find((check) => check.field === field)?.ok;
}

/** Follows the answers of one document. */
export class Agreement {
  readonly #fields = new Map<
    LiveField,
    { value: string; run: number; settled: boolean; confirmed: boolean }
  >();
  #text = "";
  #run = 0;
  /** When the document was first read. */
  #since: number | undefined;
  #empty = 0;
  /** When lines were last found; milliseconds. */
  #seen = -Infinity;
  /** When they came into the picture. */
  #came: number | undefined;

  /** Adds the answer to one more frame; `now` is in milliseconds. */
  add(result: Result, now: number): Progress {
    const found = result.quads.length > 0;
    this.#empty = found ? 0 : this.#empty + 1;
    if (found) {
      this.#seen = now;
      this.#came ??= now;
    }
    const away = now - this.#seen >= AWAY_MS;
    if (away) this.#came = undefined;
    if (found && result.document !== null) {
      this.#since ??= now;
      this.#take(result, result.document);
    }
    return {
      done: found && this.#run >= ENOUGH,
      gone: this.#empty >= GONE && this.#fields.size > 0,
      away,
      slow: this.#came !== undefined && now - this.#came >= SLOW_MS,
      offer: this.#since !== undefined && now - this.#since >= PATIENCE_MS,
      fields: this.#fields,
    };
  }

  /** Begins a new document. */
  forget(): void {
    this.#fields.clear();
    this.#text = "";
    this.#run = this.#empty = 0;
    this.#since = this.#came = undefined;
  }

  #take(result: Result, document: DocumentFields): void {
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
          settled: run >= ENOUGH && verdict(field, result.checks) !== false,
          confirmed: verdict(field, result.checks) === true,
        });
    }
  }
}
