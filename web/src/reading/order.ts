/** Which rows of the table are shown, in which order, and how many ended in which way. */
import { at } from "../dom";
import { birthOf } from "../words";
import { saidOf, toneOf, valuesOf } from "./batchRow";
import { t as tt, type TableKey } from "./messages";
import type { Row } from "./row";

/** How rows end, and all of them: the values of `#batch-filter`. */
export type Filter = "all" | "good" | "warn" | "bad" | "unopened";

/** A column that rows are sorted by. */
export interface Sorted {
  column: number;
  descending: boolean;
}

/** The columns of dates. */
const [BIRTH, EXPIRY] = [4, 5];

/** Whether a row ended in a way. Files that cannot be opened are not among the wrong ones. */
function ended(row: Row, filter: Filter): boolean {
  if (filter === "all") return true;
  if (row.error !== undefined) return filter === "unopened";
  return toneOf(row) === filter;
}

/**
 * The text by which a column sorts: the name of the file, the result, or a value. Dates are those of
 * the calendar, whatever the language makes of them.
 */
function textOf(row: Row, column: number): string {
  if (column === 0) return row.file.name;
  if (column === 1) return saidOf(row);
  const document = row.reading?.result.document ?? undefined;
  if (column === BIRTH) return document === undefined ? "" : (birthOf(document) ?? "");
  if (column === EXPIRY) return document?.expiry_date ?? "";
  return valuesOf(row)[column - 2] ?? "";
}

/** Returns the rows that a filter shows, in order; without `sorted` in that of their adding. */
export function ordered(rows: readonly Row[], filter: Filter, sorted: Sorted | undefined): Row[] {
  const shown = rows.filter((row) => ended(row, filter));
  if (sorted === undefined) return shown;
  const { column, descending } = sorted;
  const order = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const sign = descending ? -1 : 1;
  return shown.sort((a, b) => sign * order.compare(textOf(a, column), textOf(b, column)));
}

/** Returns how a column is sorted after its head was pressed: upwards, downwards, not at all. */
export function pressed(before: Sorted | undefined, column: number): Sorted | undefined {
  if (before?.column !== column) return { column, descending: false };
  return before.descending ? undefined : { column, descending: true };
}

/** Marks the head of the column that rows are sorted by. */
export function markHeads(sorted: Sorted | undefined): void {
  for (const [column, head] of [...document.querySelectorAll("#batch thead th")].entries()) {
    if (column !== sorted?.column) head.removeAttribute("aria-sort");
    else head.setAttribute("aria-sort", sorted.descending ? "descending" : "ascending");
  }
}

/** Says in `#batch-sums` how many rows ended in which way. */
export function showSums(rows: readonly Row[]): void {
  const of = (filter: Filter) => rows.filter((row) => ended(row, filter)).length;
  const unopened = of("unopened");
  const sums: [TableKey, number][] = [
    ["sumValid", of("good")],
    ["sumCheck", of("warn")],
    ["sumFailed", of("bad")],
    ...(unopened === 0 ? [] : [["sumUnopened", unopened] satisfies [TableKey, number]]),
  ];
  at("batch-sums").textContent = sums.map(([key, count]) => tt(key, { count })).join(" · ");
}
