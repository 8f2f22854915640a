/** Shows the lines of the zone and marks the characters that a person should check. */
import type { Result, Review } from "nibble-mrz";
import { el } from "../dom";
import { t } from "../messages";

/** Returns whether the character was corrected, rather than only doubtful. */
function changed(item: Review, result: Result): boolean {
  return (
    item.line !== null && item.pos !== null && result.lines[item.line]?.[item.pos] === item.alt
  );
}

/** Returns the lines; corrected and doubtful characters are `mark` elements. */
export function markedLines(result: Result): (Node | string)[] {
  return result.lines.flatMap((line, index) => {
    const items = new Map(
      result.review.filter((item) => item.line === index).map((item) => [item.pos, item]),
    );
    const parts: (Node | string)[] = [];
    let text = "";
    for (const [pos, character] of [...line].entries()) {
      const item = items.get(pos);
      if (item === undefined) {
        text += character;
        continue;
      }
      const kind = changed(item, result) ? "changed" : "doubt";
      const mark = el("mark", { class: kind, title: describe(item, result) }, character);
      parts.push(text, mark);
      text = "";
    }
    // What is not marked is one text, which screen readers read as one.
    const end = index + 1 < result.lines.length ? "\n" : "";
    return [...parts, text + end].filter((part) => part !== "");
  });
}

/** Whether a note says that the search ended early; others say that there are more documents. */
const isEarly = ({ note }: Review): boolean => note?.includes("ended early") === true;

/** Whether an item holds for one document, and does not say that there are more. */
export const isAboutOne = (item: Review): boolean => item.line !== null || isEarly(item);

function describe(item: Review, result: Result): string {
  if (item.line === null || item.pos === null) return t("another_document");
  const values = { line: item.line + 1, pos: item.pos + 1, raw: item.raw, alt: item.alt };
  return t(changed(item, result) ? "changed" : "unsure", values);
}

/** Returns a sentence for each note on how the search went. */
export function notes({ review }: Result): HTMLElement[] {
  return review.filter(isEarly).map(() => el("li", { "data-note": "early" }, t("endedEarly")));
}

/** Returns a sentence for each mark, and one if there are more documents. */
export function reviewList(result: Result): HTMLElement[] {
  const items = result.review.filter((item) => !isEarly(item));
  return items.map((item) => {
    const kind = item.line === null ? "note" : changed(item, result) ? "changed" : "doubt";
    return el("li", { "data-review": kind }, el("bdi", {}, describe(item, result)));
  });
}

/** Returns the lines as read before grammar and check digits, if they differ; otherwise null. */
export function rawLines(result: Result): string | null {
  const raw = result.raw_lines.join("\n");
  return raw === result.lines.join("\n") ? null : raw;
}
