/**
 * Decodes image files, in two modules: one for JPEG files, one for all others. Each is loaded with
 * the first file for it. They import nothing; their functions are those of `wasm/picture`.
 */
import { NibbleError, type ErrorCode } from "./error.js";
import { type Format, pictureFile } from "./files.js";
import { compile } from "./load.js";
import { interrupted } from "./memory.js";

interface Exports {
  memory: WebAssembly.Memory;
  picture_reserve(length: number): number;
  picture_decode(): number;
  picture_width(): number;
  picture_address(): number;
  picture_length(): number;
  picture_free(): void;
}

/** A decoded picture: gray bytes row by row, in the decoder's memory. */
export interface Picture {
  width: number;
  height: number;
  gray: Uint8Array;
  /** Milliseconds that decoding took. */
  ms: number;
}

const now = (): number => performance.now();

/** The bytes that a decoder holds. The view is valid until the next call of the decoder. */
function held(exports: Exports): Uint8Array {
  const { buffer } = exports.memory;
  return new Uint8Array(buffer, exports.picture_address() >>> 0, exports.picture_length());
}

function decode(exports: Exports, bytes: Uint8Array): Picture {
  const begin = now();
  const address = exports.picture_reserve(bytes.length) >>> 0;
  if (address === 0)
    throw new NibbleError("TooLarge", `there is no memory for a file of ${bytes.length} bytes`);
  new Uint8Array(exports.memory.buffer, address, bytes.length).set(bytes);
  if (exports.picture_decode() === 0) {
    const [code = "Internal", message] = new TextDecoder().decode(held(exports)).split("\n", 2);
    throw new NibbleError(code as ErrorCode, message ?? code);
  }
  const [width, gray] = [exports.picture_width(), held(exports)];
  return { width, height: gray.length / width, gray, ms: now() - begin };
}

/** A module and its current instance. */
class Decoder {
  readonly #format: Format;
  #compiled: WebAssembly.Module | undefined;
  /** The instance, pending or started; undefined before the first one, and after a failure or a trap. */
  #instance: Promise<Exports> | undefined;

  constructor(format: Format) {
    this.#format = format;
  }

  async #instantiate(): Promise<Exports> {
    this.#compiled ??= await compile(pictureFile(this.#format));
    try {
      return (await WebAssembly.instantiate(this.#compiled)).exports as unknown as Exports;
    } catch (cause) {
      throw new NibbleError("LoadFailed", "the decoder does not start", { cause });
    }
  }

  /** Loads the module unless it is there. */
  prepare(): Promise<Exports> {
    if (this.#instance === undefined) {
      const mine = this.#instantiate();
      this.#instance = mine;
      mine.catch(() => (this.#instance = undefined));
    }
    return this.#instance;
  }

  /**
   * Decodes a file and passes the picture to `use`, which must not keep it. Rejects with the error of
   * the file, with `LoadFailed`, or with `Trapped`, or `TooLarge` for want of memory: then the next
   * call starts another instance.
   */
  async withPicture<T>(bytes: Uint8Array, use: (picture: Picture) => T): Promise<T> {
    let mine: Promise<Exports>, exports: Exports;
    // Meanwhile another reader's file may have trapped an instance.
    do exports = await (mine = this.prepare());
    while (mine !== this.#instance);
    let picture: Picture;
    try {
      picture = decode(exports, bytes);
    } catch (thrown) {
      if (thrown instanceof NibbleError) throw thrown;
      this.#instance = undefined;
      throw interrupted("decoder", thrown, exports.memory);
    }
    try {
      return use(picture);
    } finally {
      exports.picture_free();
    }
  }
}

export const jpegDecoder = new Decoder("jpeg");
const otherDecoder = new Decoder("other");

/** Bytes at the beginning of a file that `decoderFor` needs. */
export const HEAD_BYTES = 3;

/** Returns the decoder for a file, by its first bytes. */
export function decoderFor(head: Uint8Array): Decoder {
  const isJpeg = head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff;
  return isJpeg ? jpegDecoder : otherDecoder;
}
