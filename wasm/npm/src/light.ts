/** Pixels and brightness of a video frame. Runs in the worker. */
import type { Luma } from "./luma.js";

/** Brightness is sampled at every n-th pixel. */
const LIGHT_STEP = 997;

let canvas: OffscreenCanvas | undefined;

/**
 * Returns the pixels of a frame; `mirrored` exchanges left and right. The caller keeps the picture.
 */
export function pixelsOfFrame(picture: ImageBitmap, mirrored: boolean): ImageData {
  const { width, height } = picture;
  // One canvas for all frames: the memory of a new one per frame would be freed late.
  canvas ??= new OffscreenCanvas(width, height);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  if (context === null) throw new Error("this browser gives workers no canvas");
  // The canvas keeps this for the next frame, so each frame sets it.
  context.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? width : 0, 0);
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, width, height);
}

/** Returns the mean of every so many bytes. */
function mean(bytes: Uint8Array | Uint8ClampedArray, first: number, step: number): number {
  let sum = 0;
  let count = 0;
  for (let at = first; at < bytes.length; at += step, count++) sum += bytes[at] ?? 0;
  return sum / count;
}

/** Returns the mean brightness of a picture, 0 to 255, from a sample of its green channel. */
export const brightness = ({ data }: ImageData): number => mean(data, 1, 4 * LIGHT_STEP);

/** Returns the mean brightness of luma, 0 to 255, from a sample. */
export function brightnessOfLuma({ luma, fullRange }: Luma): number {
  const value = mean(luma, 0, LIGHT_STEP);
  return fullRange ? value : Math.max(0, ((value - 16) * 255) / 219);
}
