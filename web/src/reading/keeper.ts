/**
 * Keeps the table in this tab if the person asks for it: what was read, not the pictures. It is
 * kept in the session storage of the browser, which lasts as long as the tab.
 */
import { NibbleError, type ErrorCode, type Result } from "nibble-mrz";
import type { Key } from "../messages";
import { Refused } from "./decode";
import { KEPT } from "./kept";
import type { Row } from "./row";

/** A row as it is kept. */
interface KeptRow {
  name: string;
  result?: Result;
  notice?: Key;
  error?: { code: ErrorCode; key?: Key };
}

function kept({ file, reading, error }: Row): KeptRow {
  if (reading !== undefined) {
    const { result, notice } = reading;
    return { name: file.name, result, ...(notice !== undefined && { notice }) };
  }
  const code = error instanceof NibbleError ? error.code : "Internal";
  return { name: file.name, error: { code, ...(error instanceof Refused && { key: error.key }) } };
}

function rowOf({ name, result, notice, error }: KeptRow): Row {
  // The picture is gone: what stands for it is empty.
  const file = new File([], name);
  if (result !== undefined) return { file, reading: { result, notice } };
  const { code, key } = error ?? { code: "Internal" };
  const message = "kept from before the page was loaded anew";
  const thrown = key === undefined ? new NibbleError(code, message) : new Refused(key, message);
  return { file, error: thrown };
}

/** Returns the rows that are kept; none if there are none, or if they cannot be understood. */
export function restored(): Row[] {
  try {
    const rows = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]") as KeptRow[];
    return rows.map(rowOf);
  } catch {
    forget();
    return [];
  }
}

/** Removes what is kept. */
export function forget(): void {
  try {
    sessionStorage.removeItem(KEPT);
  } catch {
    // A browser that refuses this keeps nothing either.
  }
}

/**
 * Keeps the rows that have been read. If that fails, nothing is kept, and the answer tells whether
 * there was no room or the browser refuses.
 */
export function keep(rows: readonly Row[]): "kept" | "full" | "refused" {
  const read = rows.filter(({ reading, error }) => reading !== undefined || error !== undefined);
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(read.map(kept)));
    return "kept";
  } catch (thrown) {
    forget();
    const full = thrown instanceof DOMException && thrown.name === "QuotaExceededError";
    return full ? "full" : "refused";
  }
}
