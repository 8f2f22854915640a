/**
 * Cuts the document of a reading and its portrait out of the picture, as if seen from directly
 * above. A module of its own: a page that does not use it does not load it.
 */
import { NibbleError } from "./error.js";
import { currentOptions } from "./files.js";
import { compile } from "./load.js";
import type { Found, Result } from "./result.js";
import { withGray, type Gray, type Source } from "./source.js";

/** The functions of the module, which is `wasm/sheet`. */
interface Exports {
  memory: WebAssembly.Memory;
  sheet_reserve(length: number): number;
  sheet_take(width: number): number;
  sheet_numbers(): number;
  sheet_place(format: number, lines: number): number;
  sheet_cut(portrait: number): number;
  sheet_address(): number;
  sheet_length(): number;
  sheet_free(): void;
}

/** The module, pending or started. A failed start is cleared, so that the next call tries again. */
let starting: Promise<Exports> | undefined;

async function instantiate(): Promise<Exports> {
  // Here and not in `files.ts`: pages that do not straighten need no copy of the file.
  const file = currentOptions().sheet ?? new URL("./nibble-sheet.wasm", import.meta.url);
  const module = await compile(file);
  try {
    return (await WebAssembly.instantiate(module)).exports as unknown as Exports;
  } catch (cause) {
    throw new NibbleError("LoadFailed", "the module does not start", { cause });
  }
}

function prepare(): Promise<Exports> {
  if (starting === undefined) {
    const mine = instantiate();
    starting = mine;
    mine.catch(() => (starting = undefined));
  }
  return starting;
}

/** A part of a document; gray bytes row by row, white where the picture does not show it. */
export interface Straight {
  width: number;
  height: number;
  gray: Uint8Array;
  /** Its corners in pixels of the picture, clockwise from the top left. They may lie outside. */
  quad: [number, number][];
  /** Share of it that lies outside the picture, 0 to 1. */
  outside: number;
}

/** Why there is no document: none was read, no standard fixes its size, or it cannot lie so. */
export type NoDocument = "not_read" | "no_standard_size" | "not_flat";

/** Why there is no portrait: it is on the other side, or no standard says where it is. */
export type NoPortrait = "other_side" | "no_standard_place";

/** What was cut out. */
export type Straightened =
  | { document: Straight; portrait: Straight; no_portrait?: never }
  | { document: Straight; portrait: null; no_portrait: NoPortrait }
  | { document: null; portrait: null; no_document: NoDocument };

/** Documents of standard size, in the order of `SHEETS` in the crate nibble-gray. */
const FORMATS = ["TD1", "TD2", "TD3", "MRVA", "MRVB", "FRA36"];

/** Cuts a part out of the picture that the module holds; null if that is impossible. */
function cut(exports: Exports, portrait: boolean): Straight | null {
  const width = exports.sheet_cut(Number(portrait));
  if (width === 0) return null;
  // Memory may have grown: views are made anew.
  const { buffer } = exports.memory;
  const numbers = new Float64Array(buffer, exports.sheet_numbers() >>> 0, 9);
  const length = exports.sheet_length();
  return {
    width,
    height: length / width,
    gray: new Uint8Array(buffer, exports.sheet_address() >>> 0, length).slice(),
    quad: [0, 2, 4, 6].map((at) => [numbers[at] ?? 0, numbers[at + 1] ?? 0]),
    outside: numbers[8] ?? 0,
  };
}

function straightened(
  exports: Exports,
  { width, gray }: Gray,
  format: number,
  quads: Result["quads"],
): Straightened {
  const address = exports.sheet_reserve(gray.length) >>> 0;
  if (address === 0)
    throw new NibbleError("TooLarge", `there is no memory for ${gray.length} pixels`);
  try {
    new Uint8Array(exports.memory.buffer, address, gray.length).set(gray);
    exports.sheet_take(width);
    const numbers = new Float64Array(exports.memory.buffer, exports.sheet_numbers() >>> 0, 24);
    const corners = quads.flat(2);
    const fits = corners.length <= numbers.length;
    if (fits) numbers.set(corners);
    const found = fits && exports.sheet_place(format, quads.length) !== 0;
    const document = found ? cut(exports, false) : null;
    if (document === null) return { document, portrait: null, no_document: "not_flat" };
    const portrait = cut(exports, true);
    if (portrait !== null) return { document, portrait };
    const no_portrait = FORMATS[format] === "TD1" ? "other_side" : "no_standard_place";
    return { document, portrait, no_portrait };
  } finally {
    exports.sheet_free();
  }
}

/**
 * Straightens the document that was read in a picture. `source` is the picture; `reading` is what
 * `Reader.read` gave for it, or one of its `documents`. The place of the document follows from that
 * of its zone, as the standard fixes it, so a zone that is printed elsewhere shifts the edges. The
 * portrait is the area that the standard reserves for it, whatever is there.
 *
 * Rejects as `Reader.read` does, and with `InvalidArgument` if the reading is of another picture.
 */
export async function straighten(
  source: Source,
  reading:
    Pick<Found, "document" | "quads"> | Pick<Result, "document" | "quads" | "width" | "height">,
): Promise<Straightened> {
  const { document, quads } = reading;
  if (document === null || quads.length === 0)
    return { document: null, portrait: null, no_document: "not_read" };
  const format = FORMATS.indexOf(document.format);
  if (format < 0) return { document: null, portrait: null, no_document: "no_standard_size" };
  const exports = await prepare();
  return withGray(source, (picture) => {
    const { width, height } = picture;
    if ("width" in reading && (reading.width !== width || reading.height !== height))
      throw new NibbleError("InvalidArgument", "the reading is of another picture");
    return straightened(exports, picture, format, quads);
  });
}

/** Converts a part to pixels for a canvas. */
export function imageDataOf({ width, height, gray }: Straight): ImageData {
  const data = new Uint8ClampedArray(4 * width * height);
  for (const [index, value] of gray.entries()) data.fill(value, 4 * index, 4 * index + 3);
  for (let at = 3; at < data.length; at += 4) data[at] = 255;
  return new ImageData(data, width, height);
}
