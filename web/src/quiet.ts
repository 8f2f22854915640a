/** Keeps the network quiet while a picture is read: files for later wait. */

/**
 * Pause after a reading, in milliseconds, that is longer than the pause between two camera frames.
 */
const PAUSE = 1500;

let busy = 0;
let interruption = new AbortController();
let lastEnd = -Infinity;

/** Runs the work of one reading and aborts requests for later files. */
export async function quietly<T>(work: () => Promise<T>): Promise<T> {
  busy++;
  interruption.abort();
  try {
    return await work();
  } finally {
    busy--;
    lastEnd = performance.now();
  }
}

/** Waits until nothing is being read. The signal aborts when the next reading begins. */
export async function whenQuiet(): Promise<AbortSignal> {
  while (busy > 0 || performance.now() - lastEnd < PAUSE) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE / 3));
  }
  if (interruption.signal.aborted) interruption = new AbortController();
  return interruption.signal;
}
