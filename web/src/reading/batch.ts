/** Reads several files one after the other into a table, which grows as files are added. */
import { at } from "../dom";
import { onLanguage } from "../language";
import { t } from "../messages";
import { copy, dated, save } from "../export";
import { drawn } from "./batchRow";
import { csv, table, tabbed } from "./csv";
import type { Reading } from "./decode";
import { documentRows, sameDocument } from "./documentRows";
import { forget, keep, restored } from "./keeper";
import { t as tt } from "./messages";
import { markHeads, ordered, pressed, showSums, type Filter, type Sorted } from "./order";
import { Past } from "./past";
import type { ReadRow, Row } from "./row";
import { build } from "./tableView";
import { setUnsaved } from "./unsaved";
import { xlsx } from "./xlsx";

/** What the table needs from the rest of the view. */
export interface BatchCalls {
  read(file: File): Promise<Reading>;
  /** Shows the full result of a row. */
  open(row: ReadRow): void;
  /** Leaves the table, which stays, to read something else. */
  another(): void;
  /** Leaves the table, which was cleared. */
  cleared(): void;
}

/** Pause before the table is kept again after a change; milliseconds. */
const KEEP_MS = 300;

function isWaiting(row: Row): boolean {
  return row.reading === undefined && row.error === undefined;
}

/** The table in `#batch`. */
export class Batch {
  readonly #calls: BatchCalls;
  #rows: Row[] = [];
  /** Stops the run; also aborted when every file is read. */
  #run: AbortController | undefined;
  #stopped = false;
  /** The row whose answer is awaited. */
  #pending: Row | undefined;
  #filter: Filter = "all";
  /** The column that rows are sorted by; none: in the order in which they were added. */
  #sorted: Sorted | undefined;
  /** The rows that were saved last. */
  #saved: readonly Row[] = [];
  /** The rows before each change that can be undone. */
  readonly #past = new Past();
  /** Whether the person wants the table to be kept in this tab. */
  #wanted = false;
  /** The timer after which it is kept. */
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(calls: BatchCalls) {
    this.#calls = calls;
    build();
    at("batch-stop").addEventListener("click", () => {
      this.stop();
      at("batch-title").focus();
    });
    at("batch-resume").addEventListener("click", () => void this.#read());
    at("batch-clear").addEventListener("click", () => {
      this.clear();
      this.#calls.cleared();
      at("drop-said").textContent = tt("tableCleared");
    });
    at("batch-again").addEventListener("click", () => this.#calls.another());
    at("batch-keep").addEventListener("change", ({ target }) => {
      this.#want((target as HTMLInputElement).checked);
      if (this.#wanted) this.#keepNow();
      else forget();
    });
    addEventListener("pagehide", () => this.#soon !== undefined && this.#keepNow());
    at("batch-csv").addEventListener("click", () => {
      save(csv(this.#rows), dated("csv"), "text/csv;charset=utf-8");
      this.#rest(this.#rows);
    });
    at("batch-xlsx").addEventListener("click", () => void this.saveWorkbook());
    at("batch-copy").addEventListener("click", () => void this.copy());
    at("batch-undo").addEventListener("click", () => this.undo());
    at<HTMLSelectElement>("batch-filter").addEventListener("change", ({ target }) => {
      this.#filter = (target as HTMLSelectElement).value as Filter;
      this.#draw();
    });
    for (const [column, head] of [
      ...document.querySelectorAll<HTMLElement>("#batch thead th"),
    ].entries())
      head.querySelector("button")?.addEventListener("click", () => this.#sort(column));
    onLanguage(() => this.#draw());
  }

  /** Whether there is a table to return to. */
  get filled(): boolean {
    return this.#rows.length > 0;
  }

  /** The number of rows. */
  get size(): number {
    return this.#rows.length;
  }

  readonly sameDocument = sameDocument;

  /** Whether the table was cleared and can be brought back. */
  get isCleared(): boolean {
    return !this.filled && !this.#past.isEmpty;
  }

  /** Forgets a table that was cleared. */
  forgetCleared(): void {
    if (this.isCleared) this.#past.clear();
  }

  /** Adds what the camera has read: a row for each document. */
  put(row: ReadRow): void {
    this.#past.remember(this.#rows);
    this.#rows.push(...documentRows(row));
    this.#draw();
  }

  /** Shows the rows that were kept in this tab. */
  restore(): void {
    const rows = restored();
    if (rows.length === 0) return;
    this.#rows = [...rows, ...this.#rows];
    this.#want(true);
    at("batch-keep-said").textContent = tt("keepBack");
    this.#draw();
  }

  /** Replaces the reading of a row, which a person has changed. Returns the new row. */
  replace(row: ReadRow, reading: Reading): ReadRow {
    const index = this.#rows.indexOf(row);
    const changed = { ...row, reading };
    if (index < 0) return row;
    this.#past.remember(this.#rows);
    this.#rows[index] = changed;
    this.#draw();
    return changed;
  }

  /** Takes back the last change: rows that were added, removed, edited, or all cleared. */
  undo(): void {
    if (this.#run !== undefined) return;
    const before = this.#past.back();
    if (before === undefined) return;
    this.#rows = before;
    this.#draw();
  }

  /** Saves the table as a workbook. */
  async saveWorkbook(): Promise<void> {
    if (this.#run !== undefined || this.#rows.length === 0) return;
    const rows = [...this.#rows];
    save(await xlsx(rows), dated("xlsx"), "");
    this.#rest(rows);
  }

  /** Copies the table with tabs between its cells. */
  async copy(): Promise<void> {
    const done = await copy(tabbed(table(this.#rows)));
    at("batch-said").textContent = t(done ? "copied" : "copyFailed");
  }

  /** Remembers whether the table is to be kept, and shows it. */
  #want(wanted: boolean): void {
    this.#wanted = wanted;
    at<HTMLInputElement>("batch-keep").checked = wanted;
    at("batch-keep-said").textContent = "";
  }

  #keepNow(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const ended = keep(this.#rows);
    if (ended === "kept") return;
    this.#want(false);
    at("batch-keep-said").textContent = tt(ended === "full" ? "keepFull" : "keepRefused");
  }

  /** Keeps the table after a change, if that is wanted. An empty table unticks the box. */
  #keepSoon(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    if (!this.#wanted) return;
    if (this.#rows.length > 0) {
      this.#soon = setTimeout(() => this.#keepNow(), KEEP_MS);
      return;
    }
    this.#want(false);
    forget();
  }

  /** Knows that rows were saved. */
  #rest(rows: readonly Row[]): void {
    this.#saved = [...rows];
    this.#guard();
  }

  #remove(row: Row): void {
    this.#past.remember(this.#rows);
    const index = this.#rows.indexOf(row);
    this.#rows = this.#rows.filter((other) => other !== row);
    this.#draw();
    const buttons = [...at("batch-rows").querySelectorAll<HTMLElement>(".remove")];
    (buttons[Math.min(index, buttons.length - 1)] ?? at<HTMLElement>("batch-title")).focus();
  }

  /** Adds files to the table, and reads them. Those that begin a table are no change to it. */
  async add(files: readonly File[]): Promise<void> {
    if (this.filled || !this.#past.isEmpty) this.#past.remember(this.#rows);
    this.#rows.push(...files.map((file) => ({ file })));
    this.#draw();
    at("batch-title").focus({ preventScroll: true });
    await this.#read();
  }

  /** Stops the run. What is not read yet can be read later. */
  stop(): void {
    if (this.#run === undefined) return;
    this.#stopped = true;
    this.#run.abort();
    this.#run = undefined;
    this.#report();
  }

  /** Stops the run and clears the table, which `undo` brings back. */
  clear(): void {
    this.stop();
    this.#stopped = false;
    this.#past.remember(this.#rows);
    this.#rows = [];
    this.#draw();
  }

  /** Reads the rows that wait, those added meanwhile too. */
  async #read(): Promise<void> {
    if (this.#run !== undefined) return;
    const run = new AbortController();
    this.#run = run;
    this.#stopped = false;
    this.#report();
    const next = () => this.#rows.find((row) => isWaiting(row) && row !== this.#pending);
    for (let row; (row = next()) !== undefined;) {
      this.#pending = row;
      try {
        row.reading = await this.#calls.read(row.file);
      } catch (thrown) {
        row.error = thrown;
      }
      this.#pending = undefined;
      // The answer that was pending when the run was stopped still counts.
      this.#settle(row);
      if (run.signal.aborted) return;
    }
    this.#run = undefined;
    this.#report();
  }

  /** Shows how a row ended. A picture of several documents becomes a row for each. */
  #settle(row: Row): void {
    const rows = documentRows(row);
    if (rows.length === 1) return this.#redraw(row);
    this.#past.exchange(row, rows);
    const index = this.#rows.indexOf(row);
    if (index >= 0) this.#rows.splice(index, 1, ...rows);
    this.#draw();
  }

  #sort(column: number): void {
    this.#sorted = pressed(this.#sorted, column);
    this.#draw();
  }

  #drawn(row: Row): HTMLElement {
    return drawn(row, {
      open: (opened) => this.#calls.open(opened),
      remove: (removed) => this.#remove(removed),
    });
  }

  #draw(): void {
    const rows = ordered(this.#rows, this.#filter, this.#sorted);
    at("batch-rows").replaceChildren(...rows.map((row) => this.#drawn(row)));
    markHeads(this.#sorted);
    this.#report();
  }

  /** Draws one row again if its place does not depend on what was read, otherwise all. */
  #redraw(row: Row): void {
    const index = this.#rows.indexOf(row);
    if (index < 0) return;
    if (this.#filter !== "all" || this.#sorted !== undefined) return this.#draw();
    at("batch-rows").children[index]?.replaceWith(this.#drawn(row));
    this.#report();
  }

  #report(): void {
    const count = this.#rows.length;
    const done = this.#rows.filter((row) => !isWaiting(row)).length;
    const progress = at<HTMLProgressElement>("batch-progress");
    progress.max = Math.max(1, count);
    progress.value = done;
    progress.setAttribute("aria-label", tt("batchTitle"));
    at("batch-said").textContent = tt(this.#stopped ? "batchStopped" : "batchProgress", {
      done,
      count,
    });
    showSums(this.#rows);
    const running = this.#run !== undefined;
    at("batch-stop").hidden = !running;
    progress.hidden = !running;
    at("batch-resume").hidden = running || done === count;
    for (const id of ["batch-csv", "batch-xlsx", "batch-copy"])
      at(id).hidden = running || count === 0;
    at("batch-undo").hidden = running || this.#past.isEmpty;
    at("batch-clear").hidden = running || count === 0;
    this.#guard();
    this.#keepSoon();
  }

  /** Has the browser ask before a table is lost that was not saved. */
  #guard(): void {
    const saved = new Set(this.#saved);
    const unsaved = this.#rows.some((row) => row.reading !== undefined && !saved.has(row));
    setUnsaved("table", unsaved);
  }
}
