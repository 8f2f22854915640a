/** Shows the fields of a document as a card, in plain words. */
import type { Check, DocumentFields } from "nibble";
import { el } from "../dom";
import { t, type Key } from "../messages";
import { nameOfState } from "../states";
import { date, sex, validity } from "../words";

interface Style {
  wide?: boolean;
  /** A warning about the field. */
  warning?: Key | undefined;
}

function field(key: Key, value: string | null, { wide, warning }: Style = {}): HTMLElement[] {
  if (value === null || value === "") return [];
  const dd = el("dd", { "data-field": key }, el("bdi", {}, value));
  if (warning !== undefined) dd.append(el("small", { "data-warning": warning }, t(warning)));
  return [el("div", wide === true ? { class: "wide" } : {}, el("dt", {}, t(key)), dd)];
}

/**
 * Returns the rows of the card: the fields that the document has, with a warning if a field's own
 * check digit disagrees.
 */
export function card(document: DocumentFields, checks: readonly Check[]): HTMLElement[] {
  const wrong = (key: Check["field"]): Key | undefined =>
    checks.some(({ field, ok }) => field === key && !ok) ? "fieldWrong" : undefined;
  return [
    ...field("surname", document.surname, { wide: true }),
    ...field("given_names", document.given_names, { wide: true }),
    ...field("birth_date", date(document.birth_date), { warning: wrong("birth_date") }),
    ...field("sex", sex(document.sex)),
    ...field("document_number", document.document_number, { warning: wrong("document_number") }),
    // The lines of the French card of 1988 to 2021 contain no date of expiry.
    ...(document.format === "FRA36"
      ? []
      : field("expiry_date", date(document.expiry_date), {
          warning: wrong("expiry_date") ?? validity(document),
        })),
    ...field("nationality", nameOfState(document.nationality)),
    ...field("issuer", nameOfState(document.issuer)),
    ...field("format", t(document.format)),
    ...field("optional", document.optional, { warning: wrong("optional") }),
  ];
}
