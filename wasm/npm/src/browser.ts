/** Pictures that the engine does not decode (AVIF, HEIC, GIF, SVG, very large ones), by the browser. */
import { NibbleError } from "./error.js";
import type { Result } from "./result.js";
import { pixelsOf } from "./source.js";

/** Pixels for which every device has memory: those of a camera's frame. */
const FEW = 2_000_000;

/** Errors of a file that the browser may be able to decode. */
const FOREIGN: readonly string[] = ["TooLarge", "Unsupported", "NotAPicture"];

/** Whether a browser may decode what the engine did not. */
export function isForeign(thrown: unknown): boolean {
  return thrown instanceof NibbleError && FOREIGN.includes(thrown.code);
}

/**
 * Decodes a file to an `ImageBitmap`, or to an element for formats that only elements support. Null
 * if the browser cannot.
 */
async function decoded(file: Blob): Promise<ImageBitmap | HTMLImageElement | null> {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    if (typeof Image !== "function") return null;
    const image = new Image();
    image.src = URL.createObjectURL(file);
    try {
      await image.decode();
      return image;
    } catch {
      return null;
    } finally {
      URL.revokeObjectURL(image.src);
    }
  }
}

/** Pixels that a browser has decoded, and whether it scaled them down. */
interface Decoded {
  pixels: ImageData;
  scaled: boolean;
}

/** Decodes a file, scaled down to `most` pixels. */
async function decodedTo(file: Blob, most?: number): Promise<Decoded | null> {
  const picture = await decoded(file);
  if (picture === null || picture.width === 0 || picture.height === 0) return null;
  try {
    const pixels = pixelsOf(picture, most);
    return { pixels, scaled: pixels.width < picture.width };
  } finally {
    if ("close" in picture) picture.close();
  }
}

/**
 * Decodes an image file by the browser, upright and scaled down to 12 megapixels at most; `scaled`
 * says whether it was. Resolves to null if the browser cannot. The digests of a reading then hold
 * for this browser alone. Call it in a window: workers know fewer formats.
 */
export function decodeByBrowser(file: Blob): Promise<Decoded | null> {
  return decodedTo(file);
}

/** Whether a picture was too large for a reader, or for the memory that it gets. */
function isTooLarge(thrown: unknown): boolean {
  return thrown instanceof NibbleError && thrown.code === "TooLarge";
}

/**
 * Reads a file that a reader refused with `thrown`, by way of the browser's decoder. Where the memory
 * of this device does not suffice for that either, the picture is tried once more, with as few
 * pixels as a camera's frame has. Rejects with `thrown` if the browser cannot decode the file.
 */
export async function readByBrowser<T>(
  file: Blob,
  thrown: unknown,
  read: (pixels: ImageData) => Promise<T>,
): Promise<{ result: T; scaled: boolean }> {
  const first = isForeign(thrown) ? await decodedTo(file) : null;
  if (first === null) throw thrown;
  try {
    return { result: await read(first.pixels), scaled: first.scaled };
  } catch (again) {
    const { width, height } = first.pixels;
    const second = isTooLarge(again) && width * height > FEW ? await decodedTo(file, FEW) : null;
    if (second === null) throw again;
    return { result: await read(second.pixels), scaled: true };
  }
}

/** Draws pixels with left and right exchanged; null if the browser gives no canvas. */
async function turned(pixels: ImageData): Promise<HTMLCanvasElement | null> {
  const { width, height } = pixels;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) return null;
  const source = await createImageBitmap(pixels);
  context.scale(-1, 1);
  context.drawImage(source, -width, 0);
  source.close();
  return canvas;
}

/**
 * Reads a picture file as a mirror shows it, with `read`. Resolves to null unless that gives a valid
 * text. The canvas shows what was read.
 */
export async function readMirrored(
  file: Blob,
  read: (pixels: ImageData) => Promise<Result>,
): Promise<{ result: Result; canvas: HTMLCanvasElement } | null> {
  const prepared = await decodedTo(file);
  const canvas = prepared === null ? null : await turned(prepared.pixels);
  const pixels = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height);
  if (canvas === null || pixels === undefined) return null;
  try {
    const result = await read(pixels);
    return result.valid ? { result, canvas } : null;
  } catch (thrown) {
    // Scaled down it was read, but not as a mirror shows it.
    if (isTooLarge(thrown)) return null;
    throw thrown;
  }
}
