/** Values of a document in plain words. */
import type { DocumentFields } from "nibble";
import { locale } from "./language";
import { t, type Key } from "./messages";

/** Validity that many states ask of a traveller's document; months. */
const SOON_MONTHS = 6;

/**
 * A date as the visitor writes it, with the digits that the document has; what is no date as it is.
 */
export function date(iso: string | null, style: "long" | "medium" = "long"): string {
  if (iso === null) return t("unknown");
  const day = new Date(`${iso}T00:00:00Z`);
  if (Number.isNaN(day.getTime())) return iso;
  const format = {
    dateStyle: style,
    timeZone: "UTC",
    calendar: "gregory",
    numberingSystem: "latn",
  } as const;
  return new Intl.DateTimeFormat(locale(), format).format(day);
}

/** The sex in words. */
export function sex(letter: string | null): string {
  if (letter === "F") return t("female");
  if (letter === "M") return t("male");
  return t("unspecified");
}

/**
 * A day in the visitor's own time zone, written as the dates of documents are, so that they compare
 * as texts.
 */
function isoDay(day: Date): string {
  return new Date(day.getTime() - day.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/** Whether a document has run out, or will soon; undefined where neither. */
export function validity(document: DocumentFields, now = new Date()): Key | undefined {
  const last = document.expiry_date;
  if (last === null) return undefined;
  const soon = new Date(now);
  soon.setMonth(soon.getMonth() + SOON_MONTHS);
  if (last < isoDay(now)) return "expired";
  return last < isoDay(soon) ? "expiresSoon" : undefined;
}
