/**
 * Compares documents and check digits of generated zones with those of the npm package `mrz`. What
 * differs is listed with its reason; anything else fails.
 *
 *     node tests/mrz.mjs ZONES
 *
 * ZONES is written by `zones_for_npm` in mrz/tests/oracle.rs: a zone a line, as JSON.
 */
import { readFile } from "node:fs/promises";
import { parse } from "mrz";

const DIGITS = {
  document_number: "documentNumberCheckDigit",
  birth_date: "birthDateCheckDigit",
  expiry_date: "expirationDateCheckDigit",
  optional: "personalNumberCheckDigit",
  composite: "compositeCheckDigit",
};
const SEXES = { male: "M", female: "F", nonspecified: "X" };
const OPTIONAL = {
  TD1: ["optional1", "optional2"],
  TD2: ["optional"],
  TD3: ["personalNumber"],
  FRA36: ["administrativeCode"],
};

const words = (text) => (text ?? "").split(/[< ]+/).filter(Boolean).join(" ");
const withoutCentury = (date) => date?.slice(2).replaceAll("-", "") ?? null;

/** Zones of which the oracle reads something else, each with its reason. */
const DIFFERENCES = {
  "takes a TD2 card with a digit at the end of its names for a French one": ({ format, lines }) =>
    format === "TD2" && /[0-9]/.test(lines[0].slice(30, 35)),
  "takes a French card with another code for a TD2 card": ({ format, lines }) =>
    format === "FRA36" && !lines[0].startsWith("IDFRA"),
};

/** What the oracle reads in a zone, in the words of this repository; `undefined` is not compared. */
function read({ format, lines, document, checks }) {
  const { fields, details } = parse(lines);
  const of = Object.fromEntries(details.map((detail) => [detail.field, detail]));
  const raw = (field) => words(of[field]?.ranges[0].raw);
  const date = (field, own) => {
    if (!of[field]) return undefined;
    // The oracle takes a partly unknown or missing date, and one that does not exist, for valid or
    // not as it stands; here only whole dates that exist are dates.
    return own === null ? null : of[field].value;
  };
  // Without a divider all names are the surname here (Doc 9303-3, 4.6), and the given names there. It
  // reads no name that holds a digit. A French card has a field for each, a licence the surname alone.
  const undivided = !of.lastName.ranges[0].raw.replace(/<+$/, "").includes("<<");
  const isApart = format === "D1FRA" ? false : undivided || format === "FRA36";
  const apart = isApart || /[0-9]/.test(raw("lastName"));
  return {
    surname: apart ? undefined : words(fields.lastName),
    given_names: apart ? undefined : words(fields.firstName),
    document_number: number(format, lines, of, document),
    issuer: raw("issuingState"),
    nationality: of.nationality ? raw("nationality") : undefined,
    optional: continues(format, lines) ? undefined : optional(format, of),
    birth_date: date("birthDate", document.birth_date),
    expiry_date: date("expirationDate", document.expiry_date),
    // It does not know X, which Doc 9303 does not have but documents print.
    sex: of.sex && document.sex !== "X" ? (SEXES[of.sex.value] ?? null) : undefined,
    checks: checks.map(({ field, ok }) => {
      const digit = of[DIGITS[field]];
      // It accepts no filler for the digit of an empty field, or of a number that continues.
      return digit?.ranges[0].raw === "<" ? ok : (digit?.valid ?? false);
    }),
  };
}

/** The optional data: two fields of a licence, whose number the oracle divides, or all as words. */
function optional(format, of) {
  const raw = (field) => of[field]?.ranges[0].raw ?? "";
  if (format === "FACHE")
    return words(`${raw("languageCode")} ${raw("pinCode")}${raw("versionNumber")}`);
  return words((OPTIONAL[format] ?? []).map(raw).join(" "));
}

/** Whether a filler stands for the check digit of the number, so that it continues. */
const continues = (format, lines) =>
  (format === "TD1" && lines[0][14] === "<") || (format === "TD2" && lines[1][9] === "<");

/**
 * The number. Not compared are those that continue, which the oracle ends elsewhere, and those of
 * French cards, from which it takes the date of issue.
 */
function number(format, lines, of, document) {
  if (continues(format, lines) || format === "FRA36") return document.document_number;
  return words(of.documentNumber.ranges[0].raw.slice(0, format === "FACHE" ? 6 : undefined));
}

const counts = new Map();
const failures = [];
let compared = 0;
for (const line of (await readFile(process.argv[2], "utf8")).split("\n").filter(Boolean)) {
  const zone = JSON.parse(line);
  const known = Object.entries(DIFFERENCES).find(([, holds]) => holds(zone));
  if (known) {
    counts.set(known[0], (counts.get(known[0]) ?? 0) + 1);
    continue;
  }
  const theirs = read(zone);
  const { document } = zone;
  const own = {
    ...document,
    birth_date: withoutCentury(document.birth_date),
    expiry_date: withoutCentury(document.expiry_date),
    checks: zone.checks.map(({ ok }) => ok),
  };
  compared += 1;
  for (const [key, value] of Object.entries(theirs))
    if (value !== undefined && JSON.stringify(value) !== JSON.stringify(own[key]))
      failures.push([zone.lines, key, own[key], value]);
}
for (const [reason, count] of counts) console.log(`    ${count} left out: the oracle ${reason}`);
for (const failure of failures.slice(0, 12)) console.log(JSON.stringify(failure));
console.log(`    ${compared} zones compared, ${failures.length} differences`);
if (failures.length > 0 || compared < 100_000) process.exitCode = 1;
