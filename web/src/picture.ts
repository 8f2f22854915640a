/** Pictures that the engine cannot take as they are: too large, or of a format only the browser decodes. */

/** Pixels that the engine's memory budget holds with ease. */
const MOST_PIXELS = 12_000_000;

/** A picture decoded, and where needed scaled down, by the browser. */
export interface Prepared {
  pixels: ImageData;
  /** Less than one where it was scaled. */
  scale: number;
}

/** Decodes a file by the browser's own decoder; null where it cannot. */
export async function byBrowser(file: Blob): Promise<Prepared | null> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return null;
  }
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const width = Math.max(1, Math.floor(bitmap.width * scale));
  const height = Math.max(1, Math.floor(bitmap.height * scale));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) return null;
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return { pixels: context.getImageData(0, 0, width, height), scale };
}
