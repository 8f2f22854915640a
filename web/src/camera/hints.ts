/** Hints to the person about the current frame. */
import type { Result } from "nibble-mrz";
import { t, type Key } from "../messages";
import type { Progress } from "./agreement";

/** Mean brightness, 0 to 255, below which the hint is that light is missing. */
const DARK = 45;
/** Height of capitals, in pixels of the frame, below which reading is unreliable; with a margin. */
const SMALL = 9;
/** Width of the margin, as a fraction of the frame, in which lines are probably cut off. */
const EDGE = 0.01;
/** Minimum time that a hint stays, so that it can be read and followed; milliseconds. */
const MIN_SHOWN_MS = 1500;

const distance = ([ax, ay]: [number, number], [bx, by]: [number, number]) =>
  Math.hypot(ax - bx, ay - by);

/** Returns the hint for one frame. */
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

/** Shows hints slowly enough to be read or heard. */
export class Hints {
  readonly #element: HTMLElement;
  #shown: Key | undefined;
  #since = 0;

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  /** Shows a hint unless the previous one is too recent; `now` is in milliseconds. */
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

  /** Shows the current hint in the current language. */
  translate(): void {
    if (this.#shown !== undefined) this.set(this.#shown);
  }
}
