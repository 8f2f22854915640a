/**
 * Owns the instance of the WebAssembly module. A trap (out of memory, or a bug of ours) interrupts
 * a call and leaves the instance in an unknown state. That instance is abandoned, and the next call
 * creates a new one from the same module.
 */
import startModule, { choose_kernels, restart } from "./engine.js";
import { NibbleError, fromEngine } from "./error.js";

/** Counts instances; 0 until the module has started. Objects of an earlier instance are invalid. */
let generation = 0;
/** The current instance has trapped: only `restart` may be called. */
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
    // The next call creates the instance. This one is needed anyway: it tests the kernels.
    choose_kernels(false);
  } catch (cause) {
    throw new NibbleError("Trapped", "the engine has stopped and does not start again", { cause });
  }
  trapped = false;
}

/**
 * Calls the engine and converts its errors to `NibbleError`. After `Trapped` the instance and all
 * its objects are lost.
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

/** An object of the engine. If its instance has trapped, the next call makes it again. */
export class Held<T extends { free(): void }> {
  readonly #make: () => T;
  #object: T | undefined;
  #generation = 0;

  /** Makes the object now; throws as `call` does. */
  constructor(make: () => T) {
    this.#make = make;
    this.call(() => undefined);
  }

  /** Whether the object belongs to the current instance. */
  get #lives(): boolean {
    return this.#object !== undefined && this.#generation === generation;
  }

  /** Calls `work` with the object; throws as `call` does. */
  call<R>(work: (object: T) => R): R {
    return call(() => {
      if (!this.#lives) {
        this.#object = this.#make();
        this.#generation = generation;
      }
      return work(this.#object as T);
    });
  }

  /** Frees the object's memory. Never throws: if the instance is gone, so is the memory. */
  free(): void {
    const object = this.#object;
    const lives = this.#lives;
    this.#object = undefined;
    if (object === undefined || !lives) return;
    try {
      call(() => object.free());
    } catch {
      // The instance trapped while it freed the object.
    }
  }
}
