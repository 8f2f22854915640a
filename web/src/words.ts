/** Puts the values of a document into plain words. */
import type { DocumentFields } from "nibble-mrz";
import { ageOn, isExpiredOn, isoDay } from "nibble-mrz/fields";
import { locale } from "./language";
import { t, type Key } from "./messages";

/** Remaining validity that many states require of a traveller's document; months. */
const SOON_MONTHS = 6;

/**
 * Formats a date as the visitor writes it, in Western digits as in the document. Text that is no
 * date is returned unchanged.
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

/**
 * Formats what is known of a birth date: the day, the month, the year, or that nothing is legible.
 */
export function born(document: DocumentFields, style: "long" | "medium" = "long"): string {
  const partial = document.birth_date_partial;
  if (partial === undefined) return date(document.birth_date, style);
  const [year = "", month] = partial.split("-");
  const day = new Date(`${year}-${month ?? "01"}-01T00:00:00Z`);
  const format: Intl.DateTimeFormatOptions = {
    year: "numeric",
    ...(month !== undefined && { month: "long" }),
    timeZone: "UTC",
    calendar: "gregory",
    numberingSystem: "latn",
  };
  return new Intl.DateTimeFormat(locale(), format).format(day);
}

/** Returns the sex in words. */
export function sex(letter: string | null): string {
  if (letter === "F") return t("female");
  if (letter === "M") return t("male");
  return t("unspecified");
}

/** Returns the age of the holder today, such as "52 years"; undefined if it is not known. */
export function age(document: DocumentFields, now = new Date()): string | undefined {
  const years = ageOn(document, isoDay(now));
  if (years === null) return undefined;
  const format = {
    style: "unit",
    unit: "year",
    unitDisplay: "long",
    numberingSystem: "latn",
  } as const;
  return new Intl.NumberFormat(locale(), format).format(years);
}

/** Returns a warning if the document has expired or will soon; otherwise undefined. */
export function validity(document: DocumentFields, now = new Date()): Key | undefined {
  const last = document.expiry_date;
  if (last === null) return undefined;
  const soon = new Date(now);
  soon.setMonth(soon.getMonth() + SOON_MONTHS);
  if (isExpiredOn(document, isoDay(now)) === true) return "expired";
  return last < isoDay(soon) ? "expiresSoon" : undefined;
}
