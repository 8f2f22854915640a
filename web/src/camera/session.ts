/**
 * Reads the frames of a video one at a time, always the newest. Frames that arrive meanwhile are
 * skipped.
 */
import type { Precision, Result } from "nibble";
import type { Client } from "../client";
import { at } from "../dom";
import { t } from "../messages";
import { FrameWatch, grab } from "./frames";

/** A frame, and the answer for it and the frames before. */
export interface Frame {
  picture: ImageBitmap;
  result: Result;
  /** Mean brightness, 0 to 255. */
  light: number;
}

/** Interval between updates of the frame rate; milliseconds. */
const COUNT_MS = 1000;

/** Counts the frames read and shows the frame rate. */
class Rate {
  #frames = 0;
  #counted = 0;
  #since = performance.now();

  add(): void {
    at("camera").dataset["frames"] = String(++this.#frames);
    const now = performance.now();
    if (now - this.#since < COUNT_MS) return;
    const rate = ((this.#frames - this.#counted) * 1000) / (now - this.#since);
    at("camera-rate").textContent = t("perSecond", { rate: Math.round(rate) });
    this.#counted = this.#frames;
    this.#since = now;
  }
}

/**
 * Reads frames until aborted. `take` owns the picture it receives, and returns true if another
 * document begins.
 */
export async function readFrames(
  client: Client,
  video: HTMLVideoElement,
  precision: Precision,
  signal: AbortSignal,
  take: (frame: Frame) => boolean,
): Promise<void> {
  const rate = new Rate();
  const watch = new FrameWatch(video, signal);
  await client.forget(precision);
  while (!signal.aborted) {
    await watch.next();
    const picture = signal.aborted ? null : await grab(video);
    if (picture === null) continue;
    const frame = await client.frame(picture, precision);
    if (signal.aborted) {
      frame.picture.close();
      return;
    }
    rate.add();
    if (take(frame)) await client.forget(precision);
  }
}
