/** Pictures that the engine does not decode (AVIF, HEIC, GIF, SVG, very large ones), by the browser. */
import { NibbleError } from "./error.js";
import { pixelsOf } from "./source.js";

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

/**
 * Decodes an image file by the browser, upright and scaled down to 12 megapixels at most; `scaled`
 * says whether it was. Resolves to null if the browser cannot. The digests of a reading then hold
 * for this browser alone. Call it in a window: workers know fewer formats.
 */
export async function decodeByBrowser(
  file: Blob,
): Promise<{ pixels: ImageData; scaled: boolean } | null> {
  const picture = await decoded(file);
  if (picture === null || picture.width === 0 || picture.height === 0) return null;
  try {
    const pixels = pixelsOf(picture);
    return { pixels, scaled: pixels.width < picture.width };
  } finally {
    if ("close" in picture) picture.close();
  }
}
