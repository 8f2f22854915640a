/**
 * Turns files into readings: by the engine or, if it cannot decode a file, by way of the browser's
 * decoder.
 */
import { NibbleError, type ErrorCode, type Precision, type Result } from "nibble-mrz";
import type { Client } from "../client";
import type { Key } from "../messages";

/** Maximum size of a file handed to the engine, in bytes; its memory is limited to 128 MiB. */
const MAX_BYTES = 48_000_000;

/** A result, and the key of a notice on how the picture was decoded. */
export interface Reading {
  result: Result;
  notice: Key | undefined;
  /** The picture that was read, where it is not the file as it is. */
  picture?: Blob;
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

/** A file that holds several pages. */
export type Paged = "pdf" | "tiff";

/** Tells files with pages by their first bytes; undefined for all others. */
export async function pagedKind(file: Blob): Promise<Paged | undefined> {
  const start = String.fromCharCode(...new Uint8Array(await file.slice(0, 4).arrayBuffer()));
  if (start === "%PDF") return "pdf";
  return start === "II*\0" || start === "MM\0*" ? "tiff" : undefined;
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
  InvalidArgument: "errInternal",
  Trapped: "errTrapped",
  Internal: "errInternal",
};

/** Returns the message for anything thrown while reading. */
export function errorKey(thrown: unknown): Key {
  if (thrown instanceof Refused) return thrown.key;
  return WORDS[thrown instanceof NibbleError ? thrown.code : "Internal"];
}

/** Loads what reads by way of the browser's decoder; null if it does not arrive. */
export function byBrowser() {
  return import("./byBrowser").catch(() => null);
}

async function byEngine(client: Client, file: Blob, precision: Precision): Promise<Result> {
  if (file.size > MAX_BYTES) throw new NibbleError("TooLarge", `the file has ${file.size} bytes`);
  return client.read(file, precision);
}

/**
 * Reads a file; a mirrored one, as cameras of laptops may make it, is flipped. Mirrored text may
 * fit several check digits, so every picture without a valid reading is also tried as its mirror
 * image. Rejects with the engine's `NibbleError` if the browser cannot decode the file either.
 */
export async function readFile(client: Client, file: Blob, precision: Precision): Promise<Reading> {
  const reading = await read(client, file, precision);
  if (reading.result.valid) return reading;
  const later = await byBrowser();
  const flipped = await later?.readMirrored(file, (pixels) => client.read(pixels, precision));
  if (flipped === undefined || flipped === null) return reading;
  const { result, canvas } = flipped;
  const picture = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  return picture === null ? reading : { result, notice: "mirrored", picture };
}

async function read(client: Client, file: Blob, precision: Precision): Promise<Reading> {
  if ((await pagedKind(file)) === "pdf") throw new Refused("errPdf", "the file is no picture");
  try {
    return { result: await byEngine(client, file, precision), notice: undefined };
  } catch (thrown) {
    const later = await byBrowser();
    if (later === null) throw thrown;
    const { result, scaled } = await later.readByBrowser(file, thrown, (pixels) =>
      client.read(pixels, precision),
    );
    const isLarge = thrown instanceof NibbleError && thrown.code === "TooLarge";
    return { result, notice: scaled ? "scaled" : isLarge ? "noRoom" : "foreign" };
  }
}
