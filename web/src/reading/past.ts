/** The rows of the table before each change, so that changes can be taken back. */
import type { Row } from "./row";

/** Number of changes that can be taken back. */
const MAX_UNDO = 50;

/** What the table was. */
export class Past {
  #states: (readonly Row[])[] = [];

  /** Whether there is no change to take back. */
  get isEmpty(): boolean {
    return this.#states.length === 0;
  }

  /** Remembers the rows before a change. */
  remember(rows: readonly Row[]): void {
    this.#states.push([...rows]);
    if (this.#states.length > MAX_UNDO) this.#states.shift();
  }

  /** Returns the rows before the last change, which is then forgotten; undefined if there is none. */
  back(): Row[] | undefined {
    const rows = this.#states.pop();
    return rows === undefined ? undefined : [...rows];
  }

  /** Puts rows in the place of one, as if they had been there before each change. */
  exchange(row: Row, rows: readonly Row[]): void {
    this.#states = this.#states.map((state) =>
      state.flatMap((other) => (other === row ? rows : [other])),
    );
  }

  /** Forgets everything. */
  clear(): void {
    this.#states = [];
  }
}
