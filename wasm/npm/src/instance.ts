/**
 * Owns an instance of a WebAssembly module. A trap (out of memory, or a bug of ours) interrupts a
 * call and leaves the instance in an unknown state. That instance is abandoned, and the next call
 * creates a new one from the same module.
 */
import { NibbleError, fromEngine } from "./error.js";
import { interrupted } from "./memory.js";

/** What the JavaScript that wasm-bindgen generates offers for every module of ours. */
export interface Glue {
  start(options: { module_or_path: WebAssembly.Module }): Promise<unknown>;
  /** Returns the exports of the current instance. */
  initSync(options: { module: WebAssembly.Module }): { memory: WebAssembly.Memory };
  choose_kernels(races: boolean): string;
  restart(): void;
}

/** A module and its current instance. */
export class Instance {
  readonly #glue: Glue;
  #module: WebAssembly.Module | undefined;
  /** Counts instances; 0 until the module has started. Objects of an earlier one are invalid. */
  #generation = 0;
  /** The current instance has trapped: only `restart` may be called. */
  #trapped = false;

  constructor(glue: Glue) {
    this.#glue = glue;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Starts the module and tests its kernels. */
  async start(module: WebAssembly.Module): Promise<void> {
    await this.#glue.start({ module_or_path: module });
    this.#module = module;
    if (this.#generation === 0) this.#generation = 1;
    this.call(() => this.#glue.choose_kernels(false));
  }

  /** Replaces an instance that has trapped. */
  #renew(): void {
    try {
      this.#glue.restart();
      // The next call creates the instance. This one is needed anyway: it tests the kernels.
      this.#glue.choose_kernels(false);
    } catch (cause) {
      throw new NibbleError("Trapped", "the engine has stopped and does not start again", {
        cause,
      });
    }
    this.#trapped = false;
  }

  /**
   * Calls the engine and converts its errors to `NibbleError`. A trap is `TooLarge` if the instance
   * gets no more memory, and otherwise `Trapped`; the instance and all its objects are then lost.
   */
  call<T>(work: () => T): T {
    if (this.#generation === 0) throw new NibbleError("NotInitialised", "init has not been called");
    if (this.#trapped) this.#renew();
    try {
      return work();
    } catch (thrown) {
      const error = fromEngine(thrown);
      if (error !== undefined) throw error;
      this.#trapped = true;
      this.#generation += 1;
      const module = this.#module;
      const memory = module && this.#glue.initSync({ module }).memory;
      throw interrupted("engine", thrown, memory);
    }
  }
}

/** An object of an instance. If the instance has trapped, the next call makes it again. */
export class Held<T extends { free(): void }> {
  readonly #instance: Instance;
  readonly #make: () => T;
  #object: T | undefined;
  #generation = 0;

  /** Makes the object now; throws as `Instance.call` does. */
  constructor(instance: Instance, make: () => T) {
    this.#instance = instance;
    this.#make = make;
    this.call(() => undefined);
  }

  /** Whether the object belongs to the current instance. */
  get #lives(): boolean {
    return this.#object !== undefined && this.#generation === this.#instance.generation;
  }

  /** Calls `work` with the object; throws as `Instance.call` does. */
  call<R>(work: (object: T) => R): R {
    return this.#instance.call(() => {
      if (!this.#lives) {
        this.#object = this.#make();
        this.#generation = this.#instance.generation;
      }
      return work(this.#object as T);
    });
  }

  /**
   * Calls `work` with the object if its instance is the current one, and otherwise does nothing: for
   * what a new object does not need.
   */
  callIfLiving(work: (object: T) => void): void {
    if (this.#lives) this.call(work);
  }

  /** Frees the object's memory. Never throws: if the instance is gone, so is the memory. */
  free(): void {
    try {
      this.callIfLiving((object) => object.free());
    } catch {
      // The instance trapped while it freed the object.
    }
    this.#object = undefined;
  }
}
