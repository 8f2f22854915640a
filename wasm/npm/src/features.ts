/** Detects WebAssembly instruction sets by validating tiny modules that use them. */

/** The two binaries: with and without the instructions of relaxed SIMD. */
export type Binary = "relaxed" | "simd128";

/** Builds a module with one function: `i32.const 0`, then `operations`, `drop`, `end`. */
function probe(operations: readonly number[]): Uint8Array<ArrayBuffer> {
  const body = [0x00, ...operations, 0x1a, 0x0b];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
    ...[0x03, 0x02, 0x01, 0x00],
    ...[0x0a, body.length + 2, 0x01, body.length, ...body],
  ]);
}

const SPLAT = [0x41, 0x00, 0xfd, 0x0f];
const SIMD128 = probe(SPLAT);
/** `i32x4.relaxed_dot_i8x16_i7x16_add_s` */
const RELAXED = probe([...SPLAT, ...SPLAT, ...SPLAT, 0xfd, 0x93, 0x02]);

/** Returns the best binary that this browser can run, or null if it has no SIMD. */
export function supported(): Binary | null {
  if (typeof WebAssembly !== "object" || !WebAssembly.validate(SIMD128)) return null;
  return WebAssembly.validate(RELAXED) ? "relaxed" : "simd128";
}
