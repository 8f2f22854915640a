/** Says what went wrong, with the way on: to try again, or to read something else. */
import { NibbleError, supported } from "nibble-mrz";
import { at } from "../dom";
import { onLanguage } from "../language";
import { t } from "../messages";
import { errorKey } from "./decode";
import { go } from "./sections";

/** Whether the browser has what every reading needs. */
export function isAble(): boolean {
  return supported() !== null && typeof Worker === "function";
}

/** Whether a person has stopped what failed. */
export function isAbort(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === "AbortError";
}

/** Waits for code that is loaded when it is needed. Rejects with `LoadFailed`. */
export async function loaded<T>(code: Promise<T>): Promise<T> {
  try {
    return await code;
  } catch (cause) {
    throw new NibbleError("LoadFailed", "a part of the page did not arrive", { cause });
  }
}

/** Whether a fault may pass: something did not arrive, or arrived in part. */
function retryable(thrown: unknown): boolean {
  return thrown instanceof NibbleError && ["LoadFailed", "ModelInvalid"].includes(thrown.code);
}

/** The section `#problem`. */
export class Problem {
  #thrown: unknown;
  /** Tries again what failed, if that may help. */
  #retry: (() => void) | undefined;

  constructor() {
    at("retry").addEventListener("click", () => this.#retry?.());
    onLanguage(() => this.#draw());
  }

  /** Shows an error. `again` tries again what failed. */
  show(thrown: unknown, again: (() => void) | undefined): void {
    this.#retry = retryable(thrown) ? again : undefined;
    this.#thrown = thrown;
    this.#draw();
    go("problem");
    document.querySelector<HTMLElement>("#problem button:not([hidden])")?.focus();
  }

  /** Forgets the error. */
  clear(): void {
    this.#thrown = undefined;
  }

  #draw(): void {
    if (this.#thrown === undefined) return;
    at("problem-title").textContent = t("errTitle");
    at("problem-text").textContent = t(errorKey(this.#thrown));
    at("problem").dataset["code"] =
      this.#thrown instanceof NibbleError ? this.#thrown.code : "Internal";
    at("retry").hidden = this.#retry === undefined;
    // Without SIMD there is nothing to return to.
    for (const again of document.querySelectorAll<HTMLElement>("#problem .again"))
      again.hidden = !isAble();
  }
}
