/** Pixels of a video frame. Runs in the worker. */

/** Brightness is sampled at every n-th pixel. */
const LIGHT_STEP = 997;

let canvas: OffscreenCanvas | undefined;

/** Returns the pixels of a frame. The caller keeps the picture. */
export function pixelsOf(picture: ImageBitmap): ImageData {
  const { width, height } = picture;
  // One canvas for all frames: the memory of a new one per frame would be freed late.
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

/** Returns the mean brightness of a picture, 0 to 255, from a sample of its green channel. */
export function brightness({ data }: ImageData): number {
  let sum = 0;
  let count = 0;
  for (let green = 1; green < data.length; green += 4 * LIGHT_STEP, count++)
    sum += data[green] ?? 0;
  return sum / count;
}
