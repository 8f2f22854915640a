/** Which kernels run here. */
import { choose_kernels } from "./engine.js";

/** The kernel in use for one arithmetic. */
export interface KernelChoice {
  precision: "f32" | "u8" | "u4";
  kernel: string;
  isa: string;
  /** Kernels that this browser computes wrongly and that are therefore not used; empty in a sound one. */
  wrong: string[];
}

/**
 * Tests every kernel against the naive product and races those that are exact: the best one of a phone is slow on a PC, and WebAssembly
 * does not tell which CPU it runs on. Takes some milliseconds once; `init` calls it.
 */
export function kernels(): KernelChoice[] {
  return JSON.parse(choose_kernels()) as KernelChoice[];
}

/** A sentence for people where a kernel was found wrong, or null. */
export function kernelNotice(choices: readonly KernelChoice[] = kernels()): string | null {
  const wrong = [...new Set(choices.flatMap((choice) => choice.wrong))];
  if (wrong.length === 0) return null;
  return `This browser computes ${wrong.join(", ")} wrongly; slower instructions are used instead, with the same results.`;
}
