/**
 * Two filters in one lane of 16 bits. The kernel `simd128_u4i4_4x32_p2` does this in eight lanes at
 * once (docs/kernels.md).
 *
 * A lane holds `a + 256 b`: the weights that two filters have at the same place. Activations are
 * centred, so that the sum of two products fits a signed byte: |x - 8| <= 8 and |w| <= 7 give at
 * most 112. Centring subtracts `8 sum w` from each filter; that sum is known beforehand and added
 * at the end.
 */

/** Offset subtracted from activations. */
export const CENTRE = 8;
/** Place value of the upper field in a lane. */
const FIELD = 256;

/** Two activations in 0..15, and the two weights in -7..7 of each filter. */
export interface Operands {
  x: [number, number];
  a: [number, number];
  b: [number, number];
}

/** Every number between the operands and the two dot products. */
export interface Steps {
  /** The two lanes, as signed 16-bit numbers. */
  lanes: [number, number];
  /**
   * The sum of the products of lane and centred activation: one multiplication and one
   * multiply-add.
   */
  sum: number;
  /** The two fields of the sum. */
  low: number;
  high: number;
  /** What centring subtracted from each filter. */
  corrections: [number, number];
  /** The dot products. */
  dots: [number, number];
}

const signed16 = (value: number): number => (value << 16) >> 16;
const signed8 = (value: number): number => (value << 24) >> 24;

/** Computes every step for the operands. */
export function steps({ x, a, b }: Operands): Steps {
  const lanes: [number, number] = [signed16(a[0] + FIELD * b[0]), signed16(a[1] + FIELD * b[1])];
  const sum = signed16((x[0] - CENTRE) * lanes[0] + (x[1] - CENTRE) * lanes[1]);
  const low = signed8(sum);
  const high = (sum - low) / FIELD;
  const corrections: [number, number] = [CENTRE * (a[0] + a[1]), CENTRE * (b[0] + b[1])];
  return {
    lanes,
    sum,
    low,
    high,
    corrections,
    dots: [low + corrections[0], high + corrections[1]],
  };
}

/** Returns the bits of a signed 16-bit number, highest first. */
export function bits(value: number): string {
  return (value & 0xffff).toString(2).padStart(16, "0");
}
