/** A row of the table of several files. */
import type { DocumentFields } from "nibble-mrz";
import { el } from "../dom";
import { t } from "../messages";
import { nameOfState } from "../states";
import { birthOf, date, validity } from "../words";
import { contains } from "./card";
import { withoutDate } from "./dates";
import { errorKey } from "./decode";
import { t as tt } from "./messages";
import type { ReadRow, Row } from "./row";
import { VERDICTS, outcome, type Tone } from "./verdict";

/** How a row ended: the tone of its reading, "bad" for an error too, or "waiting". */
export function toneOf(row: Row): Tone | "waiting" {
  if (row.reading !== undefined) return VERDICTS[outcome(row.reading.result)].tone;
  return row.error === undefined ? "waiting" : "bad";
}

/** What the column of results says. */
export function saidOf({ reading, error }: Row): string {
  if (reading !== undefined) return t(VERDICTS[outcome(reading.result)].row);
  return error === undefined ? tt("rowWaiting") : t(errorKey(error));
}

/** Returns whom or what a document describes: the names of its holder, or a vehicle. */
function subject({ surname, given_names, vehicle }: DocumentFields): string {
  const parts =
    vehicle === undefined
      ? [surname, given_names]
      : [vehicle.registration_number, vehicle.make, vehicle.model];
  return parts.filter((part) => part !== "").join(", ");
}

/** Returns the texts of the columns after the result, and a warning about the last day. */
export function valuesOf({ reading }: Row): string[] {
  const document = reading?.result.document;
  if (reading === undefined || document === undefined || document === null)
    return ["", "", "", "", ""];
  const said = (field: "birth_date" | "expiry_date", iso: string | null) =>
    contains(document, field) ? date(iso, "medium", withoutDate(reading.result, field)) : "";
  return [
    subject(document),
    document.document_number,
    said("birth_date", birthOf(document)),
    said("expiry_date", document.expiry_date),
    nameOfState(document.nationality),
  ];
}

/** The column of the last day of validity, among those of `valuesOf`. */
const EXPIRY = 3;

/** What a row can be asked for. */
export interface RowCalls {
  /** Shows the full result. */
  open(row: ReadRow): void;
  /** Takes the row out of the table. */
  remove(row: Row): void;
}

const hasReading = (row: Row): row is ReadRow => row.reading !== undefined;

/** Draws a row. Its name opens it, and its last cell holds a button that removes it. */
export function drawn(row: Row, calls: RowCalls): HTMLElement {
  const { file, reading } = row;
  const name =
    reading === undefined
      ? el("bdi", {}, file.name)
      : el("button", { type: "button", class: "plain" }, el("bdi", {}, file.name));
  if (hasReading(row)) name.addEventListener("click", () => calls.open(row));
  const remove = el(
    "button",
    { type: "button", class: "plain remove", "aria-label": tt("remove", { file: file.name }) },
    "×",
  );
  remove.addEventListener("click", () => calls.remove(row));
  const document = reading?.result.document;
  const warning = document && contains(document, "expiry_date") ? validity(document) : undefined;
  const cells = valuesOf(row).map((value, index) => {
    const cell = el("td", {}, el("bdi", {}, value));
    if (index === EXPIRY && warning !== undefined)
      cell.append(el("small", { "data-warning": warning }, t(warning)));
    return cell;
  });
  return el(
    "tr",
    { "data-tone": toneOf(row) },
    el("th", { scope: "row" }, name),
    el("td", { class: "said" }, saidOf(row)),
    ...cells,
    el("td", {}, remove),
  );
}
