/** Writes the results of several files as comma-separated values (RFC 4180). */
import type { DocumentFields } from "nibble-mrz";
import { NibbleError } from "nibble-mrz";
import type { Row } from "./row";
import { outcome } from "./verdict";

const FIELDS = [
  "format",
  "issuer",
  "surname",
  "given_names",
  "document_number",
  "nationality",
  "birth_date",
  "expiry_date",
  "sex",
  "optional",
] as const satisfies readonly (keyof DocumentFields)[];

/** Maximum number of lines of a zone. */
const LINES = 3;

/**
 * Writes one cell. Text that a spreadsheet would take for a formula is escaped with an apostrophe.
 */
function cell(value: string): string {
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function status(row: Pick<Row, "reading" | "error">): string {
  if (row.reading !== undefined) return outcome(row.reading.result);
  if (row.error === undefined) return "";
  return row.error instanceof NibbleError ? row.error.code : "Internal";
}

function cells(row: Row): string[] {
  const result = row.reading?.result;
  const document = result?.document ?? undefined;
  const values = FIELDS.map((field) => {
    const value = document?.[field];
    // What is known of it: `1968` or `1968-09`.
    return (field === "birth_date" ? (value ?? document?.birth_date_partial) : value) ?? "";
  });
  const lines = Array.from({ length: LINES }, (_, index) => result?.lines[index] ?? "");
  return [row.file.name, status(row), ...values, ...lines];
}

/** Returns the table of all rows, the names of the columns first. */
export function table(rows: readonly Row[]): string[][] {
  return [["file", "status", ...FIELDS, "line_1", "line_2", "line_3"], ...rows.map(cells)];
}

/** Returns rows for the clipboard: cells are divided by tabs, as spreadsheets take them. */
export function tabbed(rows: readonly string[][]): string {
  return rows.map((row) => row.map((cell) => cell.replaceAll(/\s/g, " ")).join("\t")).join("\n");
}

/** Returns the table of all rows. `status` is the outcome of a reading or the code of an error. */
export function csv(rows: readonly Row[]): string {
  const text = table(rows)
    .map((row) => row.map(cell).join(","))
    .join("\r\n");
  // The byte order mark tells spreadsheets that the file is UTF-8.
  return `\uFEFF${text}\r\n`;
}
