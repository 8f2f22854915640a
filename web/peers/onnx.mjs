/** ONNX models of one product, written without a library: a handful of protobuf fields. */

const text = new TextEncoder();

function varint(value) {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

/** A field with a number (wire type 0). */
const number = (field, value) => [...varint(field * 8), ...varint(value)];

/** A field with bytes, a string or a message (wire type 2). */
function bytes(field, value) {
  const content = typeof value === "string" ? text.encode(value) : value;
  return [...varint(field * 8 + 2), ...varint(content.length), ...content];
}

/** Element types of TensorProto. */
const TYPES = { f32: 1, u8: 2, i8: 3, i32: 6 };

const dimension = (size) => bytes(1, typeof size === "number" ? number(1, size) : bytes(2, size));

function value(field, name, type, shape) {
  const tensor = [...number(1, TYPES[type]), ...bytes(2, shape.flatMap(dimension))];
  return bytes(field, [...bytes(1, name), ...bytes(2, bytes(1, tensor))]);
}

/**
 * The model `c = a x b` with constant `b`.
 *
 * @param {"f32" | "i8"} kind MatMul of floats, or MatMulInteger of unsigned with signed bytes.
 * @param {Float32Array | Int8Array} weights `[k][n]`.
 */
export function product(kind, weights, k, n) {
  const [operator, input, output] =
    kind === "f32" ? ["MatMul", "f32", "f32"] : ["MatMulInteger", "u8", "i32"];
  const node = [...bytes(1, "a"), ...bytes(1, "b"), ...bytes(2, "c"), ...bytes(4, operator)];
  const raw = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  const constant = [
    ...number(1, k),
    ...number(1, n),
    ...number(2, TYPES[kind]),
    ...bytes(8, "b"),
    ...bytes(9, raw),
  ];
  const graph = [
    ...bytes(1, node),
    ...bytes(2, "product"),
    ...bytes(5, constant),
    ...value(11, "a", input, ["m", k]),
    ...value(12, "c", output, ["m", n]),
  ];
  return Uint8Array.from([...number(1, 8), ...bytes(8, number(2, 17)), ...bytes(7, graph)]);
}
