/** Results to lay beside one's own: those of the paper, and of this repository's machine. */
import chromium from "../../../docs/results/bench-chromium-relaxed.json?url";
import firefox from "../../../docs/results/bench-firefox-relaxed.json?url";
import native from "../../../docs/results/gemm-x86_64.json?url";
import { measured, type Measured, type Report } from "./measured";

/** A result that comes with the page; it is fetched when it is wanted. */
export interface Reference {
  name: string;
  load(): Promise<{ measured: Measured; report?: Report }>;
}

/**
 * The means that the paper gives for matrix products on the ARM CPU of a phone: 4 bits are 2.9 times
 * as fast as float and 1.5 times as fast as 8 bits.
 */
const PAPER: Measured = {
  device: "ARM, arXiv:2009.06488",
  kernels: {},
  figures: {
    gemm: {
      f32: { gmacs: null, overF32: 1, overU8: 1.5 / 2.9, ms: null },
      u8: { gmacs: null, overF32: 2.9 / 1.5, overU8: 1, ms: null },
      u4: { gmacs: null, overF32: 2.9, overU8: 1.5, ms: null },
    },
  },
  noisy: false,
};

async function fetched(address: string): Promise<{ measured: Measured; report: Report }> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const report = (await response.json()) as Report;
  return { measured: measured(report), report };
}

/** All of them. */
export const REFERENCES: readonly Reference[] = [
  { name: "arXiv:2009.06488", load: async () => ({ measured: PAPER }) },
  { name: "AMD EPYC, Chromium", load: () => fetched(chromium) },
  { name: "AMD EPYC, Firefox", load: () => fetched(firefox) },
  { name: "AMD EPYC, native-bench", load: () => fetched(native) },
];
