/** Puts the values of a document into plain words. */
import type { DocumentFields } from "nibble-mrz";
import { ageOn, isExpiredOn, isoDay } from "nibble-mrz/fields";
import { locale } from "./language";
import { t, type Key } from "./messages";

/** Remaining validity that many states require of a traveller's document; months. */
const SOON_MONTHS = 6;

/**
 * Formats a date as the visitor writes it, in Western digits as in the document; a year, or a year
 * and a month, too. Text that is no date is returned unchanged. `missing` stands for no date.
 */
export function date(
  iso: string | null,
  style: "long" | "medium" = "long",
  missing = t("notStated"),
): string {
  if (iso === null) return missing;
  const [, year, month, rest] = /^(\d{4})(?:-(\d\d))?(?:-(\d\d))?$/.exec(iso) ?? [];
  const day = new Date(`${year}-${month ?? "01"}-${rest ?? "01"}T00:00:00Z`);
  if (Number.isNaN(day.getTime())) return iso;
  const parts: Intl.DateTimeFormatOptions =
    rest !== undefined
      ? { dateStyle: style }
      : { year: "numeric", ...(month !== undefined && { month: "long" }) };
  return new Intl.DateTimeFormat(locale(), {
    ...parts,
    timeZone: "UTC",
    calendar: "gregory",
    numberingSystem: "latn",
  }).format(day);
}

/** Returns what is known of a birth date: the day, the month or the year; null for nothing. */
export function birthOf(document: DocumentFields): string | null {
  return document.birth_date ?? document.birth_date_partial ?? null;
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
