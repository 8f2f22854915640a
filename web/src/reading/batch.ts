/** Reads several files one after the other into a table. */
import { at, el } from "../dom";
import { onLanguage } from "../language";
import { t } from "../messages";
import { nameOfState } from "../states";
import { contains } from "./card";
import { csv } from "./csv";
import { errorKey, type Reading } from "./decode";
import { save } from "../export";
import type { Row } from "./row";
import { VERDICTS, outcome } from "./verdict";
import { date } from "../words";

/** What the table needs from the rest of the view. */
export interface BatchCalls {
  read(file: File): Promise<Reading>;
  /** Shows the full result of a row. */
  open(row: Row & { reading: Reading }): void;
}

/** The table in `#batch`. */
export class Batch {
  readonly #calls: BatchCalls;
  #rows: Row[] = [];
  /** Stops the run; also aborted when every file is read. */
  #run = new AbortController();
  #stopped = false;

  constructor(calls: BatchCalls) {
    this.#calls = calls;
    at("batch-stop").addEventListener("click", () => {
      this.#stopped = true;
      this.#run.abort();
      this.#report();
      at("batch-title").focus();
    });
    at("batch-csv").addEventListener("click", () =>
      save(csv(this.#rows), "nibble.csv", "text/csv;charset=utf-8"),
    );
    onLanguage(() => this.#draw());
  }

  /** Whether there is a table to return to. */
  get filled(): boolean {
    return this.#rows.length > 0;
  }

  /** Reads files into a new table. */
  async start(files: readonly File[]): Promise<void> {
    this.clear();
    const run = new AbortController();
    this.#run = run;
    this.#stopped = false;
    this.#rows = files.map((file) => ({ file }));
    this.#draw();
    at("batch-title").focus({ preventScroll: true });
    for (const [index, row] of this.#rows.entries()) {
      try {
        row.reading = await this.#calls.read(row.file);
      } catch (thrown) {
        row.error = thrown;
      }
      // The answer that was pending when the run was stopped still counts. If the table was
      // cleared, its row is gone.
      if (this.#rows[index] === row) this.#replace(index, row);
      if (run.signal.aborted) return;
    }
    run.abort();
    this.#report();
  }

  /** Stops the run and clears the table. */
  clear(): void {
    this.#run.abort();
    this.#rows = [];
  }

  #draw(): void {
    at("batch-rows").replaceChildren(...this.#rows.map((row) => this.#drawn(row)));
    this.#report();
  }

  #replace(index: number, row: Row): void {
    at("batch-rows").children[index]?.replaceWith(this.#drawn(row));
    this.#report();
  }

  #drawn(row: Row): HTMLElement {
    const { file, reading, error } = row;
    const document = reading?.result.document;
    const verdict = reading === undefined ? undefined : VERDICTS[outcome(reading.result)];
    const said =
      verdict !== undefined
        ? t(verdict.row)
        : error !== undefined
          ? t(errorKey(error))
          : t("rowWaiting");
    const name =
      reading === undefined
        ? el("bdi", {}, file.name)
        : el("button", { type: "button", class: "plain" }, el("bdi", {}, file.name));
    if (reading !== undefined)
      name.addEventListener("click", () => this.#calls.open({ ...row, reading }));
    const tone = verdict?.tone ?? (error === undefined ? "waiting" : "bad");
    const values = [
      document && [document.surname, document.given_names].filter((part) => part !== "").join(", "),
      document?.document_number,
      document && contains(document, "birth_date") && date(document.birth_date, "medium"),
      document && contains(document, "expiry_date") && date(document.expiry_date, "medium"),
      document && nameOfState(document.nationality),
    ];
    return el(
      "tr",
      { "data-tone": tone },
      el("th", { scope: "row" }, name),
      el("td", { class: "said" }, said),
      ...values.map((value) => el("td", {}, el("bdi", {}, value || ""))),
    );
  }

  #report(): void {
    const done = this.#rows.filter(
      (row) => row.reading !== undefined || row.error !== undefined,
    ).length;
    const values = { done, count: this.#rows.length };
    const progress = at<HTMLProgressElement>("batch-progress");
    progress.max = Math.max(1, values.count);
    progress.value = done;
    progress.setAttribute("aria-label", t("batchTitle"));
    at("batch-said").textContent = t(this.#stopped ? "batchStopped" : "batchProgress", values);
    const running = !this.#run.signal.aborted;
    at("batch-stop").hidden = !running;
    progress.hidden = !running;
    at("batch-csv").hidden = running;
  }
}
