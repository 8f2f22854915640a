/**
 * Turns files into readings: by the engine or, if it cannot decode a file, by way of the browser's
 * decoder.
 */
import { NibbleError, type ErrorCode, type Precision, type Result } from "nibble";
import type { Client } from "../client";
import type { Key } from "../messages";

/** Maximum number of pixels handed to the engine, well within its memory limit. */
const MAX_PIXELS = 12_000_000;
/** Maximum size of a file handed to the engine, in bytes; its memory is limited to 128 MiB. */
const MAX_BYTES = 48_000_000;

/** A result, and the key of a notice on how the picture was decoded. */
export interface Reading {
  result: Result;
  notice: Key | undefined;
}

/** The error for a file type that has a message of its own. */
export class Refused extends NibbleError {
  constructor(
    readonly key: Key,
    message: string,
  ) {
    super("Unsupported", message);
  }
}

/** The message for each error. Some errors occur only if the page has a bug. */
const WORDS: Record<ErrorCode, Key> = {
  Empty: "errEmpty",
  NotAPicture: "errNotAPicture",
  Unsupported: "errUnsupported",
  Broken: "errBroken",
  TooLarge: "errTooLarge",
  NoSimd: "errNoSimd",
  LoadFailed: "errLoadFailed",
  ModelInvalid: "errModelInvalid",
  NotInitialised: "errInternal",
  AlreadyInitialised: "errInternal",
  Disposed: "errInternal",
  Trapped: "errTrapped",
  Internal: "errInternal",
};

/** Returns the message for anything thrown while reading. */
export function errorKey(thrown: unknown): Key {
  if (thrown instanceof Refused) return thrown.key;
  return WORDS[thrown instanceof NibbleError ? thrown.code : "Internal"];
}

/**
 * Decodes a file by the browser: to an `ImageBitmap`, or to an element for formats that only
 * elements support. Null if it cannot.
 */
async function decoded(file: Blob): Promise<ImageBitmap | HTMLImageElement | null> {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
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
 * Decodes a file by the browser and scales it down if it has too many pixels. Null if it cannot.
 */
async function byBrowser(file: Blob): Promise<{ pixels: ImageData; scaled: boolean } | null> {
  const picture = await decoded(file);
  if (picture === null || picture.width === 0 || picture.height === 0) return null;
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (picture.width * picture.height)));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.floor(picture.width * scale));
  canvas.height = Math.max(1, Math.floor(picture.height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) return null;
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  if ("close" in picture) picture.close();
  return { pixels: context.getImageData(0, 0, canvas.width, canvas.height), scaled: scale < 1 };
}

async function byEngine(client: Client, file: Blob, precision: Precision): Promise<Result> {
  if (file.size > MAX_BYTES) throw new NibbleError("TooLarge", `the file has ${file.size} bytes`);
  return client.read(new Uint8Array(await file.arrayBuffer()), precision);
}

/**
 * Reads a file. Rejects with the engine's `NibbleError` if the browser cannot decode the file
 * either.
 */
export async function readFile(client: Client, file: Blob, precision: Precision): Promise<Reading> {
  if ((await file.slice(0, 4).text()) === "%PDF")
    throw new Refused("errPdf", "PDF files are not read");
  try {
    return { result: await byEngine(client, file, precision), notice: undefined };
  } catch (thrown) {
    const foreign =
      thrown instanceof NibbleError &&
      ["TooLarge", "Unsupported", "NotAPicture"].includes(thrown.code);
    const prepared = foreign ? await byBrowser(file) : null;
    if (prepared === null) throw thrown;
    return {
      result: await client.read(prepared.pixels, precision),
      notice: prepared.scaled ? "scaled" : "foreign",
    };
  }
}
