/**
 * The instance of the WebAssembly module. A trap (out of memory, a bug of ours) leaves an instance
 * in the middle of a call: it is given up, and the next call makes another from the same module.
 */
import startModule, { choose_kernels, restart } from "./engine.js";
import { NibbleError, fromEngine } from "./error.js";

/** Counts instances; 0 until the module has started. */
let generation = 0;
/** The present instance has trapped: nothing of it may be called but `restart`. */
let trapped = false;

/** Starts the module and tests its kernels. */
export async function start(module: WebAssembly.Module): Promise<void> {
  await startModule({ module_or_path: module });
  if (generation === 0) generation = 1;
  call(() => choose_kernels(false));
}

/** Replaces an instance that has trapped. */
function renew(): void {
  try {
    restart();
    // The first call makes the instance; this one is due in any case.
    choose_kernels(false);
  } catch (cause) {
    throw new NibbleError("Trapped", "the engine has stopped and does not start again", { cause });
  }
  trapped = false;
}

/**
 * Calls the engine. Its errors come as `NibbleError`; `Trapped` means that the instance is gone, and
 * all objects with it.
 */
export function call<T>(work: () => T): T {
  if (generation === 0) throw new NibbleError("NotInitialised", "init has not been called");
  if (trapped) renew();
  try {
    return work();
  } catch (thrown) {
    const error = fromEngine(thrown);
    if (error !== undefined) throw error;
    trapped = true;
    generation += 1;
    throw new NibbleError("Trapped", `the engine has stopped: ${String(thrown)}`, {
      cause: thrown,
    });
  }
}

/** An object of the engine. Where its instance has trapped, the next use makes it again. */
export class Held<T extends { free(): void }> {
  readonly #make: () => T;
  #object: T | undefined;
  #generation = 0;

  /** Makes the object at once; throws as `call` does. */
  constructor(make: () => T) {
    this.#make = make;
    this.call(() => undefined);
  }

  /** Whether the object is one of the present instance. */
  get #lives(): boolean {
    return this.#object !== undefined && this.#generation === generation;
  }

  /** Gives the object to `work`; throws as `call` does. */
  call<R>(work: (object: T) => R): R {
    return call(() => {
      if (!this.#lives) {
        this.#object = this.#make();
        this.#generation = generation;
      }
      return work(this.#object as T);
    });
  }

  /** Gives the object's memory back. Never throws: an instance that is gone took it along. */
  free(): void {
    const object = this.#object;
    const lives = this.#lives;
    this.#object = undefined;
    if (object === undefined || !lives) return;
    try {
      call(() => object.free());
    } catch {
      // The instance has trapped just now.
    }
  }
}
