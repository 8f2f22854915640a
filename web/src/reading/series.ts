/** Which documents before the camera are in the table already, when one follows another. */
import type { Found, Result } from "nibble-mrz";
import { chosen } from "./documents";

const textOf = ({ lines }: Pick<Found, "lines">): string => lines.join("\n");

/** The documents that were put in the table while something is in the picture. */
export class Series {
  readonly #taken = new Set<string>();
  /** Valid documents of the answer before. */
  #before = new Set<string>();

  /** Forgets all: the picture is empty now. */
  forget(): void {
    this.#taken.clear();
    this.#before.clear();
  }

  /**
   * Returns what of an answer comes into the table now: the reading with the documents that are not
   * there; null if all are. Beside the best document, which enough answers agree on, others count
   * with it, or once they are valid in two answers.
   */
  next(result: Result): Result | null {
    const others = result.documents;
    const isNew = !this.#taken.has(textOf(result));
    const fresh = others.filter(
      (found) =>
        !this.#taken.has(textOf(found)) &&
        (isNew || (found.valid && this.#before.has(textOf(found)))),
    );
    this.#before = new Set(others.filter(({ valid }) => valid).map(textOf));
    const [first] = fresh;
    if (!isNew && first === undefined) return null;
    for (const found of [...fresh, ...(isNew ? [result] : [])]) this.#taken.add(textOf(found));
    return first === undefined ? result : { ...chosen(result, first), documents: fresh };
  }
}
