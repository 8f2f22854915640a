/** Which kernels run here. */
import { choose_kernels } from "./engine.js";
import { call } from "./instance.js";

/** The kernel in use for one arithmetic. */
export interface KernelChoice {
  precision: "f32" | "u8" | "u4";
  kernel: string;
  isa: string;
  /**
   * Kernels that this browser computes wrongly and that are therefore not used; empty in a sound
   * one.
   */
  wrong: string[];
}

/**
 * The kernels in use. Every one is tested against the naive product, once (`init` does it), and
 * those that are exact race: the best one of a phone is slow on a PC, and WebAssembly does not tell
 * which CPU it runs on. A race takes some hundredths of a second; readers run that of their
 * precision when the first of them is made, `races` those of the others too. Without it, theirs are
 * the best guess.
 */
export function kernels(races = true): KernelChoice[] {
  return JSON.parse(call(() => choose_kernels(races))) as KernelChoice[];
}

/** A sentence for people where a kernel was found wrong, or null. */
export function kernelNotice(choices: readonly KernelChoice[] = kernels(false)): string | null {
  const wrong = [...new Set(choices.flatMap((choice) => choice.wrong))];
  if (wrong.length === 0) return null;
  return `This browser computes ${wrong.join(", ")} wrongly; slower instructions are used instead, with the same results.`;
}
