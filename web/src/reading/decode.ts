/**
 * Turns files into readings: by the engine or, if it cannot decode a file, by way of the browser's
 * decoder.
 */
import {
  NibbleError,
  decodeByBrowser,
  isForeign,
  type ErrorCode,
  type Precision,
  type Result,
} from "nibble-mrz";
import type { Client } from "../client";
import type { Key } from "../messages";

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
  InvalidArgument: "errInternal",
  Trapped: "errTrapped",
  Internal: "errInternal",
};

/** Returns the message for anything thrown while reading. */
export function errorKey(thrown: unknown): Key {
  if (thrown instanceof Refused) return thrown.key;
  return WORDS[thrown instanceof NibbleError ? thrown.code : "Internal"];
}

async function byEngine(client: Client, file: Blob, precision: Precision): Promise<Result> {
  if (file.size > MAX_BYTES) throw new NibbleError("TooLarge", `the file has ${file.size} bytes`);
  return client.read(file, precision);
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
    const prepared = isForeign(thrown) ? await decodeByBrowser(file) : null;
    if (prepared === null) throw thrown;
    return {
      result: await client.read(prepared.pixels, precision),
      notice: prepared.scaled ? "scaled" : "foreign",
    };
  }
}
