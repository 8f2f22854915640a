/** Reads the weights of a model file and quantises them. */

/** Weights of one layer. */
export interface Weights {
  name: string;
  values: Float32Array;
}

/** Returns the weights of each layer of an f32 model file (safetensors; see docs/model-file.md). */
export function weightsOf(file: ArrayBuffer): Weights[] {
  const length = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length))) as Record<
    string,
    { dtype?: string; data_offsets?: [number, number] }
  >;
  const found: Weights[] = [];
  for (const [name, { dtype, data_offsets: offsets }] of Object.entries(header)) {
    if (!name.endsWith(".weight") || dtype !== "F32" || offsets === undefined) continue;
    const [from, to] = offsets.map((offset) => 8 + length + offset) as [number, number];
    // Copy, because floats may be unaligned in the file.
    found.push({
      name: name.slice(0, -".weight".length),
      values: new Float32Array(file.slice(from, to)),
    });
  }
  return found.sort((a, b) => a.name.localeCompare(b.name));
}

/** Returns the largest code of `bits` bits. Codes are symmetric: -7..7 at 4 bits. */
export function largest(bits: number): number {
  return 2 ** (bits - 1) - 1;
}

/** Returns the code of a weight. */
function code(weight: number, step: number, top: number): number {
  return Math.max(-top, Math.min(top, Math.round(weight / step)));
}

/** Weights quantised with one step. */
export interface Quantised {
  /** Number of weights per code, lowest code first. */
  counts: number[];
  /** Fraction of weights beyond the outermost codes. */
  clipped: number;
  /** Signal-to-error ratio in decibels. */
  decibels: number;
}

/** Quantises weights. */
export function quantise(values: Float32Array, bits: number, step: number): Quantised {
  const top = largest(bits);
  const counts = new Array<number>(2 * top + 1).fill(0);
  let signal = 0;
  let error = 0;
  let clipped = 0;
  for (const value of values) {
    const q = code(value, step, top);
    counts[q + top] = (counts[q + top] ?? 0) + 1;
    signal += value * value;
    error += (value - q * step) ** 2;
    if (Math.abs(value) > (top + 0.5) * step) clipped++;
  }
  return { counts, clipped: clipped / values.length, decibels: 10 * Math.log10(signal / error) };
}

/**
 * Returns the step with the least squared error, by trial: the error has a single, wide minimum.
 */
export function bestStep(values: Float32Array, bits: number): number {
  const reach = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const steps = Array.from(
    { length: 100 },
    (_, index) => ((index + 1) / 100) * (reach / Math.max(1, largest(bits))),
  );
  const quality = steps.map((step) => quantise(values, bits, step).decibels);
  return steps[quality.indexOf(Math.max(...quality))] ?? reach;
}

/** Counts values in bins of equal width over -reach..reach. */
export function histogram(values: Float32Array, reach: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = Math.min(bins - 1, Math.max(0, Math.floor(((value + reach) / (2 * reach)) * bins)));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}
