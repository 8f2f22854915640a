/** Several documents in one picture: which one is shown, and the choice among them. */
import type { Found, Result } from "nibble-mrz";
import { el } from "../dom";
import { t } from "../messages";
import { VERDICTS, outcome } from "./verdict";

/** Returns the result with one of its documents in the place of the best one. */
export function chosen(result: Result, found: Found): Result {
  const whole = { ...result };
  // Of a valid document the key is absent.
  delete whole.not_valid_because;
  const notes = result.review.filter((item) => item.line === null);
  return { ...whole, ...found, review: [...found.review, ...notes] };
}

function isShown(result: Result, found: Found): boolean {
  return JSON.stringify(result.quads) === JSON.stringify(found.quads);
}

function name({ document, lines }: Found): string {
  const names = [document.surname, document.given_names].filter((part) => part !== "");
  return names.join(", ") || document.document_number || (lines[0] ?? "");
}

/** Returns a button for each document, or nothing if there is only one. */
export function choices(result: Result, choose: (result: Result) => void): HTMLElement[] {
  if (result.documents.length < 2) return [];
  return result.documents.map((found) => {
    const other = chosen(result, found);
    const button = el(
      "button",
      { type: "button", class: "secondary small", "aria-pressed": String(isShown(result, found)) },
      el("bdi", {}, name(found)),
      ` · ${t(VERDICTS[outcome(other)].row)}`,
    );
    button.addEventListener("click", () => choose(other));
    return button;
  });
}
