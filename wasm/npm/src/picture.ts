/**
 * Decodes image files, in a module that is loaded with the first file. It imports nothing; its
 * functions are those of `wasm/picture`.
 */
import { NibbleError, type ErrorCode } from "./error.js";
import { pictureFile } from "./files.js";
import { compile } from "./load.js";

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

/** The module, pending or compiled. A failed start is cleared, so that the next call tries again. */
let starting: Promise<Exports> | undefined;
/** The current instance; undefined before the first one and after a trap. */
let current: Exports | undefined;
let compiled: WebAssembly.Module | undefined;

const now = (): number => performance.now();

async function instantiate(): Promise<Exports> {
  compiled ??= await compile(pictureFile());
  try {
    current = (await WebAssembly.instantiate(compiled)).exports as unknown as Exports;
  } catch (cause) {
    throw new NibbleError("LoadFailed", "the decoder does not start", { cause });
  }
  return current;
}

/** Loads the decoder unless it is there. */
export function prepare(): Promise<Exports> {
  if (starting === undefined) {
    const mine = instantiate();
    starting = mine;
    mine.catch(() => (starting = undefined));
  }
  return starting;
}

/** The bytes that the decoder holds. The view is valid until the next call of the decoder. */
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

/**
 * Decodes a file and passes the picture to `use`, which must not keep it. Rejects with the error of
 * the file, with `LoadFailed`, or with `Trapped`: then the next call starts another instance.
 */
export async function withPicture<T>(bytes: Uint8Array, use: (picture: Picture) => T): Promise<T> {
  let exports = await prepare();
  // Meanwhile another reader's file may have trapped this instance.
  while (exports !== current) exports = await prepare();
  let picture: Picture;
  try {
    picture = decode(exports, bytes);
  } catch (thrown) {
    if (thrown instanceof NibbleError) throw thrown;
    starting = current = undefined;
    const message = `the decoder has stopped: ${String(thrown)}`;
    throw new NibbleError("Trapped", message, { cause: thrown });
  }
  try {
    return use(picture);
  } finally {
    exports.picture_free();
  }
}
