/** Finds out whether a camera delivers mirrored frames, as some cameras of laptops do. */
import type { Luma } from "./luma.js";
import type { Result } from "./result.js";

/**
 * Number of frames with lines but without a valid text after which one frame is read the other way
 * round: those of half a second.
 */
const MAX_LOST = 12;
/** How much a frame without lines counts, since mirrored lines may not be found at all. */
const EMPTY = 1 / 8;

/** Follows the answers of one camera. */
export class Mirror {
  #lost = 0;
  #on = false;

  /** Whether frames are flipped before they are read. */
  get isOn(): boolean {
    return this.#on;
  }

  /** Whether to try the other way round with the next frame. */
  get isDue(): boolean {
    return this.#lost >= MAX_LOST;
  }

  /** Takes the answer to a frame that was read as `isOn` says. */
  add({ quads, valid }: Result): void {
    if (quads.length === 0) this.#lost += EMPTY;
    else this.#lost = valid ? 0 : this.#lost + 1;
  }

  /** Takes the answer to a frame that was read the other way round. If valid, that way is right. */
  tried({ valid }: Result): void {
    this.#lost = 0;
    if (valid) this.#on = !this.#on;
  }
}

/** Exchanges left and right of luma, in place. */
export function mirrorLuma({ luma, width }: Luma): void {
  for (let start = 0; start < luma.length; start += width)
    luma.subarray(start, start + width).reverse();
}
