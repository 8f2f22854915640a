/**
 * While a picture is read, nothing is requested: what the page fetches for later waits until then.
 */

/** Quiet for so long, in milliseconds, a camera is not between two frames. */
const PAUSE = 1500;

let busy = 0;
let interruption = new AbortController();
let lastEnd = -Infinity;

/** Does the work of one reading; requests made for later are broken off. */
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

/** Waits until nothing is read; the signal tells when the next reading begins. */
export async function whenQuiet(): Promise<AbortSignal> {
  while (busy > 0 || performance.now() - lastEnd < PAUSE) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE / 3));
  }
  if (interruption.signal.aborted) interruption = new AbortController();
  return interruption.signal;
}
