/**
 * Reads the frames of a video one at a time, always the newest. Frames that arrive meanwhile are
 * skipped.
 */
import type { Precision } from "nibble-mrz";
import { FrameWatch, Mirror, Ways, type Client, type Frame } from "nibble-mrz/parts";
import { at } from "../dom";
import { t } from "../messages";

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

/** Of all cameras of this visit: they differ little, and what is chosen holds for the next one. */
const ways = new Ways();

/**
 * Reads frames until aborted. `take` owns the frame it receives, and returns true if another
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
  const mirror = new Mirror();
  await client.forget(precision);
  while (!signal.aborted) {
    await watch.next();
    const frame = signal.aborted ? null : await ways.read(client, video, precision, mirror);
    if (frame === null) continue;
    if (signal.aborted) {
      frame.still.close();
      return;
    }
    at("camera").dataset["way"] = ways.chosen ?? "";
    rate.add();
    if (take(frame)) await client.forget(precision);
  }
}
