/** Pixels of a video frame, in the worker. */

/** Every so many pixels one is taken for the brightness. */
const LIGHT_STEP = 997;

let canvas: OffscreenCanvas | undefined;

/** The pixels of a frame; the picture stays with the caller. */
export function pixelsOf(picture: ImageBitmap): ImageData {
  const { width, height } = picture;
  // One canvas for all frames: a new one a frame is memory that comes back late.
  canvas ??= new OffscreenCanvas(width, height);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  if (context === null) throw new Error("this browser gives workers no canvas");
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, width, height);
}

/** Mean brightness of a picture, 0 to 255, from a sample of its green. */
export function brightness({ data }: ImageData): number {
  let sum = 0;
  let count = 0;
  for (let green = 1; green < data.length; green += 4 * LIGHT_STEP, count++)
    sum += data[green] ?? 0;
  return sum / count;
}
