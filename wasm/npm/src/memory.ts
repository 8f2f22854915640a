/** Tells an instance that has stopped for want of memory from one with a bug. */
import { NibbleError } from "./error.js";

/**
 * What a picture may need beyond the memory of an instance, in pages of 64 KiB. It was not said how
 * much was refused: where even this is not, memory was not what lacked.
 */
const ROOM = 512;

/**
 * Returns the error for an interrupted call: `TooLarge` if the instance gets no more memory, and
 * otherwise `Trapped`. What is asked for goes with the instance, which is given up.
 */
export function interrupted(
  what: string,
  cause: unknown,
  memory: WebAssembly.Memory | undefined,
): NibbleError {
  try {
    memory?.grow(ROOM);
  } catch {
    return new NibbleError("TooLarge", "there is not enough memory for this", { cause });
  }
  return new NibbleError("Trapped", `the ${what} has stopped: ${String(cause)}`, { cause });
}
