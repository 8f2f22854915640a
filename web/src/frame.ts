/** Pixels of a video frame, in the worker. */

/**
 * Pixels that a frame is read at. A passport that fills the guide then has 20 pixels a character; the network sees 15, so more would be thrown away
 * again, and locating takes time for each.
 */
const MOST_PIXELS = 1024 * 768;
/** Every so many pixels one is taken for the brightness. */
const LIGHT_STEP = 997;

let canvas: OffscreenCanvas | undefined;

/** The pixels of a frame at the size to read; the picture stays with the caller. */
export function pixelsOf(picture: ImageBitmap): ImageData {
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (picture.width * picture.height)));
  const width = Math.max(1, Math.floor(picture.width * scale));
  const height = Math.max(1, Math.floor(picture.height * scale));
  // One canvas for all frames: a new one a frame is memory that comes back late.
  canvas ??= new OffscreenCanvas(width, height);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  if (context === null) throw new Error("this browser gives workers no canvas");
  context.imageSmoothingQuality = "medium";
  context.drawImage(picture, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** Mean brightness of a picture, 0 to 255, from a sample of its green. */
export function brightness({ data }: ImageData): number {
  let sum = 0;
  let count = 0;
  for (let green = 1; green < data.length; green += 4 * LIGHT_STEP, count++) sum += data[green] ?? 0;
  return sum / count;
}
