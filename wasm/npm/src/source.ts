/** What can be read, told apart by type, and how it becomes gray. */
import { gray_of } from "./engine.js";
import { NibbleError } from "./error.js";
import type { Luma } from "./luma.js";
import { HEAD_BYTES, decoderFor } from "./picture.js";
import { reading } from "./reading.js";

/** A picture that the browser has decoded. */
type Drawable =
  | ImageBitmap
  | VideoFrame
  | HTMLImageElement
  | HTMLVideoElement
  | HTMLCanvasElement
  | OffscreenCanvas;

/**
 * A picture: an image file as `Blob`, `File` or bytes; the pixels of a canvas; or what a browser can
 * draw. Keep an `ImageBitmap` or a `VideoFrame` open, and a buffer in place, until the answer is
 * there.
 */
export type Source = Blob | ArrayBuffer | ArrayBufferView | ImageData | Drawable;

/** RGBA pixels row by row: `ImageData`, or an object like it where there is none. */
type Pixels = Pick<ImageData, "width" | "height"> & { data: Uint8Array | Uint8ClampedArray };

/** A file, or its bytes. */
type Bytes = Blob | ArrayBuffer | ArrayBufferView;

/** A source, by the way that it is read. */
export type Taken =
  | { kind: "file"; file: Bytes }
  | { kind: "pixels"; pixels: Pixels }
  | { kind: "drawable"; picture: Drawable }
  | { kind: "luma"; luma: Luma };

/** Gray bytes row by row. */
export interface Gray {
  width: number;
  height: number;
  gray: Uint8Array;
  /** Milliseconds that it took to decode the file. */
  ms: number;
}

/** The decoder has the same limit. */
const MAX_PIXELS = 26_000_000;
/** Largest file in bytes: the memory of the decoder. */
const MAX_BYTES = 128 * 1024 * 1024;
/** Pixels of a part that is made gray at once. */
const PART = 4_000_000;
/** Largest picture that is drawn, in pixels: more are of no use, and cost memory. */
const MAX_DRAWN = 12_000_000;

const DRAWABLES = new Set([
  "ImageBitmap",
  "VideoFrame",
  "HTMLImageElement",
  "HTMLVideoElement",
  "HTMLCanvasElement",
  "OffscreenCanvas",
]);

/** The name of an object's type. It holds for objects of other windows too. */
const nameOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

function wrong(message: string, cause?: unknown): NibbleError {
  return new NibbleError("InvalidArgument", message, { cause });
}

/** Runs what asks an object of the caller for its properties, whatever these do. */
function asking<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof NibbleError) throw cause;
    throw wrong("the picture cannot be used", cause);
  }
}

/** Rejects a buffer whose memory was transferred to a worker. An empty buffer is something else. */
function assertAttached(buffer: ArrayBufferLike): void {
  try {
    new Uint8Array(buffer);
  } catch (cause) {
    throw wrong("the buffer was transferred, its bytes are elsewhere", cause);
  }
}

const isSide = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0;

/** Copies what describes pixels, because an object may say something else later; undefined for others. */
function pixelsIn(value: object): Pixels | undefined {
  const { width, height, data } = value as Partial<Pixels>;
  if (!isSide(width) || !isSide(height)) return undefined;
  if (!(data instanceof Uint8ClampedArray) && !(data instanceof Uint8Array)) return undefined;
  assertAttached(data.buffer);
  return { width, height, data };
}

/** The same for luma. */
function lumaIn(value: object): Luma | undefined {
  const { luma, width, height, fullRange, size } = value as Partial<Luma>;
  if (!(luma instanceof Uint8Array)) return undefined;
  assertAttached(luma.buffer);
  const { width: across, height: down }: Partial<Luma["size"]> = size ?? {};
  if (!isSide(width) || !isSide(height) || !isSide(across) || !isSide(down))
    throw wrong("width, height and size of a luma are whole numbers from 0");
  return {
    luma,
    width,
    height,
    fullRange: fullRange === true,
    size: { width: across, height: down },
  };
}

/** Tells how to read a source. Throws `InvalidArgument` for anything else. */
export function taken(source: unknown): Taken {
  const name = nameOf(source);
  if (ArrayBuffer.isView(source)) {
    assertAttached(source.buffer);
    return { kind: "file", file: source };
  }
  if (name === "ArrayBuffer" || name === "SharedArrayBuffer") {
    assertAttached(source as ArrayBuffer);
    return { kind: "file", file: source as ArrayBuffer };
  }
  if (name === "Blob" || name === "File") return { kind: "file", file: source as Blob };
  if (DRAWABLES.has(name)) return { kind: "drawable", picture: source as Drawable };
  if (typeof source === "object" && source !== null) {
    const luma = lumaIn(source);
    if (luma !== undefined) return { kind: "luma", luma };
    const pixels = pixelsIn(source);
    if (pixels !== undefined) return { kind: "pixels", pixels };
  }
  const found = source === null ? "null" : typeof source === "object" ? name : typeof source;
  throw wrong(`a picture is a Blob, bytes, ImageData or what can be drawn, not ${found}`);
}

/** The bytes of a file. */
async function bytesOf(file: Bytes): Promise<Uint8Array> {
  const size = asking(() => ("size" in file ? file.size : file.byteLength));
  if (size > MAX_BYTES) throw new NibbleError("TooLarge", `the file has ${size} bytes`);
  try {
    if (ArrayBuffer.isView(file))
      return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
    return new Uint8Array("arrayBuffer" in file ? await file.arrayBuffer() : file);
  } catch (cause) {
    throw new NibbleError("Broken", "the file can no longer be read", { cause });
  }
}

/** The size of what can be drawn, as it is shown. */
function sizeOf(picture: Drawable): { width: number; height: number } {
  if ("displayWidth" in picture)
    return { width: picture.displayWidth, height: picture.displayHeight };
  if ("videoWidth" in picture) return { width: picture.videoWidth, height: picture.videoHeight };
  if ("naturalWidth" in picture)
    return { width: picture.naturalWidth, height: picture.naturalHeight };
  return picture;
}

function canvasOf(width: number, height: number): OffscreenCanvas | HTMLCanvasElement {
  if (typeof OffscreenCanvas === "function") return new OffscreenCanvas(width, height);
  if (typeof document === "undefined")
    throw new NibbleError("Unsupported", "there is no canvas here: give bytes or pixels");
  return Object.assign(document.createElement("canvas"), { width, height });
}

/**
 * Draws a picture on white, scaled down to `most` pixels, and returns its pixels.
 *
 * Throws `InvalidArgument` if it was closed, is not loaded yet, or is of another site.
 */
export function pixelsOf(picture: Drawable, most = MAX_DRAWN): ImageData {
  const { width, height } = asking(() => sizeOf(picture));
  if (!(Number.isFinite(width) && Number.isFinite(height)))
    throw wrong("the size of the picture is no number");
  if (!(width > 0 && height > 0)) throw wrong("the picture was closed, or is not loaded yet");
  const scale = Math.min(1, Math.sqrt(most / (width * height)));
  const size = [width, height].map((side) => Math.max(1, Math.floor(side * scale)));
  const [across = 1, down = 1] = size;
  const context = canvasOf(across, down).getContext("2d", { willReadFrequently: true }) as
    CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | null;
  if (context === null) throw new NibbleError("Unsupported", "this browser gives no canvas");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, across, down);
  try {
    context.drawImage(picture, 0, 0, across, down);
    return context.getImageData(0, 0, across, down);
  } catch (cause) {
    throw wrong("the browser does not let this picture be drawn and read", cause);
  }
}

function checked({ width, height, data }: Pixels): Uint8Array {
  if (width * height > MAX_PIXELS)
    throw new NibbleError("TooLarge", `the picture has ${width} x ${height} pixels`);
  if (data.length === 0 || data.length !== 4 * width * height)
    throw new NibbleError("Broken", "the picture is damaged: pixels do not match the dimensions");
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The pixels of a picture, whole if they are few, otherwise gray. */
export function fewOrGray(pixels: Pixels): { rgba: Uint8Array } | { gray: Uint8Array } {
  const rgba = checked(pixels);
  return rgba.length <= 4 * PART ? { rgba } : { gray: grayOf(rgba) };
}

/** Makes RGBA pixels gray, part by part. */
function grayOf(rgba: Uint8Array): Uint8Array {
  const gray = new Uint8Array(rgba.length / 4);
  for (let first = 0; first < gray.length; first += PART) {
    const part = rgba.subarray(4 * first, 4 * (first + PART));
    gray.set(
      reading.call(() => gray_of(part)),
      first,
    );
  }
  return gray;
}

/** Loads the decoder that a file needs. */
export async function prepareFor(file: Bytes): Promise<void> {
  const head = asking(() => ("arrayBuffer" in file ? file.slice(0, HEAD_BYTES) : file));
  await decoderFor(await bytesOf(head)).prepare();
}

/** Decodes a file and passes the picture to `use`, which must not keep it. */
export async function withFile<T>(file: Bytes, use: (picture: Gray) => T): Promise<T> {
  const bytes = await bytesOf(file);
  return decoderFor(bytes).withPicture(bytes, use);
}

/** Makes a source gray and passes it to `use`, which must not keep it. */
export async function withGray<T>(source: Source, use: (picture: Gray) => T): Promise<T> {
  const found = taken(source);
  if (found.kind === "file") return withFile(found.file, use);
  if (found.kind === "luma") throw wrong("the luma of a frame is for `fuse`");
  const pixels = found.kind === "pixels" ? found.pixels : pixelsOf(found.picture);
  const { width, height } = pixels;
  return use({ width, height, gray: grayOf(checked(pixels)), ms: 0 });
}
