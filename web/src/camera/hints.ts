/** What to tell the person about the frame of the moment. */
import type { Result } from "nibble";
import { t, type Key } from "../messages";
import type { Progress } from "./agreement";

/** Mean brightness, of 255, below which light is what lacks. */
const DARK = 45;
/**
 * Height of capitals below which they are not read reliably, with a margin; in pixels of the frame.
 */
const SMALL = 9;
/** Share of the frame at its edges where lines are likely cut off. */
const EDGE = 0.01;
/** A hint stays for this long, that it can be read; milliseconds. */
const MIN_SHOWN_MS = 900;

const distance = ([ax, ay]: [number, number], [bx, by]: [number, number]) =>
  Math.hypot(ax - bx, ay - by);

/** The hint for one frame. */
export function hintFor(result: Result, progress: Progress, light: number): Key {
  if (result.quads.length === 0) return light < DARK ? "hintDark" : "hintFind";
  if (progress.offer && result.checks.some(({ ok }) => !ok)) return "hintCheck";
  if (result.document !== null) return "hintStill";
  const { width, height } = result;
  const cut = result.quads
    .flat()
    .some(([x, y]) => Math.min(x / width, 1 - x / width, y / height, 1 - y / height) < EDGE);
  if (cut) return "hintWhole";
  const small = result.quads.some(
    ([a, , , d]) => a !== undefined && d !== undefined && distance(a, d) < SMALL,
  );
  return small ? "hintCloser" : "hintStill";
}

/** Shows hints slowly enough to be read and heard. */
export class Hints {
  readonly #element: HTMLElement;
  #shown: Key | undefined;
  #since = 0;

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  /** Shows a hint, unless the last one is still new; `now` in milliseconds. */
  show(key: Key, now: number): void {
    if (key === this.#shown || now - this.#since < MIN_SHOWN_MS) return;
    this.set(key);
    this.#since = now;
  }

  /** Shows a hint at once. */
  set(key: Key): void {
    this.#shown = key;
    this.#element.dataset["hint"] = key;
    this.#element.textContent = t(key);
  }

  /** The same hint in another language. */
  translate(): void {
    if (this.#shown !== undefined) this.set(this.#shown);
  }
}
