/** Hints to the person about the current frame. */
import { t, type Key } from "../messages";

/** Minimum time that a hint stays, so that it can be read and followed; milliseconds. */
const MIN_SHOWN_MS = 1500;

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
