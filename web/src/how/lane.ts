/**
 * Two filters in one lane of 16 bits, as the kernel `simd128_u4i4_4x32_p2` does it for eight lanes
 * at once (docs/kernels.md).
 *
 * A lane holds `a + 256 b`: a weight of one filter and the same place's weight of another.
 * Activations are centred, so that the sum of two products fits a signed byte: |x - 8| <= 8 and |w|
 * <= 7 give at most 112. What centring took away, `8 sum w`, is known beforehand and added at the
 * end.
 */

/** What the centre of 4-bit activations is moved by. */
export const CENTRE = 8;
/** What a filter's field is worth in the lane. */
const FIELD = 256;

/** Two activations in 0..15, and the weights in -7..7 that two filters have for them. */
export interface Operands {
  x: [number, number];
  a: [number, number];
  b: [number, number];
}

/** Every number on the way from operands to the two dot products. */
export interface Steps {
  /** The lanes of both places, as signed 16-bit numbers. */
  lanes: [number, number];
  /**
   * The sum of the two products of lane and centred activation: one multiplication and one
   * multiply-add.
   */
  sum: number;
  /** The two fields of the sum. */
  low: number;
  high: number;
  /** What centring took away from each filter. */
  corrections: [number, number];
  /** The dot products. */
  dots: [number, number];
}

const signed16 = (value: number): number => (value << 16) >> 16;
const signed8 = (value: number): number => (value << 24) >> 24;

/** Follows the operands through the lane. */
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

/** The bits of a signed 16-bit number, the highest first. */
export function bits(value: number): string {
  return (value & 0xffff).toString(2).padStart(16, "0");
}
