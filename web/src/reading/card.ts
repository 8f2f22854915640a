/** Shows the fields of a document as a card, in plain words. */
import type { Check, DocumentFields, Result } from "nibble-mrz";
import { el } from "../dom";
import { t, type Key } from "../messages";
import { nameOfState } from "../states";
import { age, birthOf, date, sex, validity } from "../words";
import { withoutDate } from "./dates";

/** Fields that the lines of a format do not contain. */
const ABSENT: Partial<Record<DocumentFields["format"], readonly (keyof DocumentFields)[]>> = {
  FRA36: ["expiry_date"],
  D1FRA: ["birth_date", "sex"],
  D1NLD: ["birth_date", "expiry_date", "sex"],
  CRFRA: ["birth_date", "expiry_date", "sex"],
  FACHE: ["expiry_date", "sex"],
};

/** Whether the lines of a document's format contain a field. */
export function contains(document: DocumentFields, field: keyof DocumentFields): boolean {
  return ABSENT[document.format]?.includes(field) !== true;
}

interface Style {
  wide?: boolean;
  /** What is said beside the value. */
  note?: string | undefined;
  /** A warning about the field. */
  warning?: Key | undefined;
}

function field(key: Key, value: string | null, { wide, note, warning }: Style = {}): HTMLElement[] {
  if (value === null || value === "") return [];
  const label = t("copyField", { field: t(key) });
  const dd = el(
    "dd",
    { "data-field": key },
    el("bdi", {}, value),
    el("button", {
      type: "button",
      class: "copy-field",
      "aria-label": label,
      title: label,
      // The first of them becomes a stop of the Tab key: see `oneStop`.
      tabindex: "-1",
    }),
  );
  if (note !== undefined) dd.append(el("small", {}, note));
  if (warning !== undefined) dd.append(el("small", { "data-warning": warning }, t(warning)));
  return [el("div", wide === true ? { class: "wide" } : {}, el("dt", {}, t(key)), dd)];
}

/** Returns the rows of a vehicle. */
function vehicle(result: Result, wrong: (key: Check["field"]) => Key | undefined): HTMLElement[] {
  const vehicle = result.document?.vehicle;
  if (vehicle === undefined) return [];
  const missing = withoutDate(result, "first_registration");
  return [
    ...field("registration_number", vehicle.registration_number, {
      warning: wrong("registration_number"),
    }),
    ...field("first_registration", date(vehicle.first_registration, "long", missing), {
      warning: wrong("first_registration"),
    }),
    ...field("vehicle_number", vehicle.identification_number, {
      wide: true,
      warning: wrong("vehicle_number"),
    }),
    ...field("make", vehicle.make),
    ...field("vehicleModel", vehicle.model),
    ...field("category", [vehicle.category, vehicle.body].filter((part) => part !== "").join(", ")),
  ];
}

/**
 * Returns the rows of the card: the fields that the document has, none without a document, with a warning if a field's own
 * check digit disagrees.
 */
export function card(result: Result): HTMLElement[] {
  const { document } = result;
  if (document === null) return [];
  const wrong = (key: Check["field"]): Key | undefined =>
    result.checks.some(({ field, ok }) => field === key && !ok) ? "fieldWrong" : undefined;
  const present = (key: Key & keyof DocumentFields, value: string | null, style?: Style) =>
    contains(document, key) ? field(key, value, style) : [];
  const cut = document.names_may_be_truncated === true ? t("namesCut") : undefined;
  const rows = [
    ...field("surname", document.surname, {
      wide: true,
      // Otherwise it stands beside the given names, which follow and are what is cut off.
      note: document.given_names === "" ? cut : undefined,
    }),
    ...field("given_names", document.given_names, { wide: true, note: cut }),
    ...present("birth_date", date(birthOf(document), "long", withoutDate(result, "birth_date")), {
      note: age(document),
      warning: wrong("birth_date"),
    }),
    ...present("sex", sex(document.sex)),
    ...vehicle(result, wrong),
    ...field("document_number", document.document_number, { warning: wrong("document_number") }),
    ...present(
      "expiry_date",
      date(document.expiry_date, "long", withoutDate(result, "expiry_date")),
      {
        warning: wrong("expiry_date") ?? validity(document),
      },
    ),
    ...field("nationality", nameOfState(document.nationality)),
    ...field("issuer", nameOfState(document.issuer)),
    ...field("format", t(document.format)),
    ...field("optional", document.optional, { warning: wrong("optional") }),
  ];
  rows[0]?.querySelector("button")?.setAttribute("tabindex", "0");
  return rows;
}
