/** What the lines print where a document has no date, and how that is said. */
import type { DocumentFields, Result } from "nibble-mrz";
import { t } from "../messages";

/** A date that lines print. */
export type DateField = "birth_date" | "expiry_date" | "first_registration";

type Format = DocumentFields["format"];
/** A line, and the first of six characters in it. */
type Place = readonly [line: number, first: number];

/** The date of expiry of Spanish cards that do not expire. */
const WITHOUT_END = "990101";

/** TD2, TD3 and both visas have them in the same place. */
const shared = (place: Place) => ({ TD2: place, TD3: place, MRVA: place, MRVB: place });

/** Where each format prints its dates: the tables of the crate `nibble-mrz` say so. */
const PLACES: Record<DateField, Partial<Record<Format, Place>>> = {
  birth_date: { TD1: [1, 0], ...shared([1, 13]), FRA36: [1, 27], FACHE: [1, 19] },
  expiry_date: { TD1: [1, 8], ...shared([1, 21]), D1FRA: [0, 15] },
  first_registration: { CRFRA: [0, 31] },
};

/** Returns the six characters of a date, or nothing where the format has no such date. */
export function printed(
  { lines, document }: Pick<Result, "lines" | "document">,
  field: DateField,
): string {
  const place = document === null ? undefined : PLACES[field][document.format];
  if (place === undefined) return "";
  const [line, first] = place;
  return lines[line]?.slice(first, first + 6) ?? "";
}

/** Whether fillers stand for what is unknown, and nothing else is wrong with a date. */
function isPartial(text: string): boolean {
  const [, month = "", day = ""] = /^(?:\d\d|<<)(\d\d|<<)(\d\d|<<)$/.exec(text) ?? [];
  const within = (part: string, most: number) =>
    part === "<<" || (Number(part) >= 1 && Number(part) <= most);
  return text.includes("<") && within(month, 12) && within(day, 31);
}

/** Says why a document has no such date: none is stated, it has no end, or there is no such day. */
export function withoutDate(result: Pick<Result, "lines" | "document">, field: DateField): string {
  const text = printed(result, field);
  if (text.replaceAll("<", "") === "") return t("notStated");
  if (field === "expiry_date" && text === WITHOUT_END) return t("noEnd");
  return t("notADate", { text });
}

/** Whether the lines print a date that the calendar does not have. */
export function hasImpossibleDate(result: Pick<Result, "lines" | "document">): boolean {
  const { document } = result;
  if (document === null) return false;
  const values: Record<DateField, string | null | undefined> = {
    birth_date: document.birth_date ?? document.birth_date_partial,
    expiry_date: document.expiry_date,
    first_registration: document.vehicle?.first_registration,
  };
  return Object.keys(PLACES).some((key) => {
    const field = key as DateField;
    const text = printed(result, field);
    const isEndless = field === "expiry_date" && text === WITHOUT_END;
    return text !== "" && (values[field] ?? null) === null && !isPartial(text) && !isEndless;
  });
}
