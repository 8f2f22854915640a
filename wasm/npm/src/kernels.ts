/** Which kernels run in this browser. */
import { choose_kernels } from "./engine.js";
import { reading } from "./reading.js";

/** The kernel in use for one precision. */
export interface KernelChoice {
  precision: "f32" | "u8" | "u4";
  kernel: string;
  isa: string;
  /** Kernels that give wrong results in this browser and are therefore not used; normally empty. */
  wrong: string[];
}

/**
 * Returns the kernels in use.
 *
 * `init` tests every kernel once against a naive product. The exact ones then race, because the
 * best kernel on a phone is slow on a PC, and WebAssembly does not reveal the CPU. A race takes
 * some hundredths of a second. A reader begins with the best guess, and runs the race for its
 * precision as soon as it has nothing to read; with `races`, this function runs the missing ones.
 */
export function kernels(races = true): KernelChoice[] {
  return JSON.parse(reading.call(() => choose_kernels(races))) as KernelChoice[];
}

/** Returns a sentence for people if a kernel gives wrong results here, or null. */
export function kernelNotice(choices: readonly KernelChoice[] = kernels(false)): string | null {
  const wrong = [...new Set(choices.flatMap((choice) => choice.wrong))];
  if (wrong.length === 0) return null;
  return `This browser computes ${wrong.join(", ")} wrongly; slower instructions are used instead, with the same results.`;
}
