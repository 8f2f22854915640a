/** Mends the lines of a reading by hand: fields and check digits follow each key. */
import { NibbleError, type Result } from "nibble-mrz";
import type { Client } from "../client";
import { at } from "../dom";
import { t } from "../messages";
import { hasImpossibleDate } from "./dates";

/** A result whose lines a person has changed. */
export type Edited = Result & { edited?: true };

/** What editing needs from the view. */
export interface EditCalls {
  /** The result on the screen. */
  current(): Result | undefined;
  /** Shows a result in the place of the one on the screen. */
  replace(result: Edited): void;
}

/** The editor in `#edit-panel`. */
export class Editor {
  readonly #client: Client;
  readonly #calls: EditCalls;
  readonly #text = at<HTMLTextAreaElement>("edit-lines");
  /** The result as it was read. */
  #original: Result | undefined;
  /** Counts keys: the answer to an earlier one is dropped. */
  #turn = 0;

  constructor(client: Client, calls: EditCalls) {
    this.#client = client;
    this.#calls = calls;
    at("edit-done").addEventListener("click", () => {
      this.close();
      at("edit").focus();
    });
    at("edit-undo").addEventListener("click", () => {
      const original = this.#original;
      this.close();
      if (original !== undefined) this.#calls.replace(original);
      at("edit").focus();
    });
    this.#text.addEventListener("input", () => void this.#follow());
  }

  /** Hides the editor. What was changed stays. */
  close(): void {
    this.#turn++;
    this.#original = undefined;
    at("edit-panel").hidden = true;
    at("lines").hidden = at("review").hidden = false;
    at("edit").setAttribute("aria-expanded", "false");
  }

  /** Shows the editor with the lines of the current result. */
  open(): void {
    const result = this.#calls.current();
    if (result === undefined) return;
    this.#original = result;
    this.#text.value = result.lines.join("\n");
    this.#text.rows = result.lines.length;
    this.#text.setAttribute("aria-label", t("linesTitle"));
    at("edit-said").textContent = "";
    at("edit-panel").hidden = false;
    at("lines").hidden = at("review").hidden = true;
    at("edit").setAttribute("aria-expanded", "true");
    this.#text.focus();
  }

  /** Parses what stands in the editor. A text without shape changes nothing but the sentence. */
  async #follow(): Promise<void> {
    const original = this.#original;
    if (original === undefined) return;
    const mine = ++this.#turn;
    try {
      const parsed = await this.#client.parse(this.#text.value);
      if (mine !== this.#turn) return;
      at("edit-said").textContent = "";
      if (parsed.lines.join("\n") === original.lines.join("\n"))
        return this.#calls.replace(original);
      const edited: Edited = { ...original, ...parsed, valid: false, review: [], edited: true };
      // What spoke against the text as it was read does not speak against this one.
      delete edited.not_valid_because;
      if (hasImpossibleDate(edited)) edited.not_valid_because = ["impossible_date"];
      this.#calls.replace(edited);
    } catch (thrown) {
      if (mine !== this.#turn) return;
      const wrongText = thrown instanceof NibbleError && thrown.code === "InvalidArgument";
      at("edit-said").textContent = t(wrongText ? "editShape" : "errInternal");
    }
  }
}
