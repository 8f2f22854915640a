/**
 * Makes binaries that trap at one particular file, so that tests can see how a trap is handled: one
 * file stops the engine, two others a decoder each. Others get little memory.
 */
import binaryen from "binaryen";
import { deflateSync, crc32 } from "node:zlib";

/** Pixels of the picture that stops the engine. */
const [WIDTH, HEIGHT] = [149, 29];
/** Size in bytes of the files that stop a decoder. */
const LENGTH = 4321;
/**
 * The exports that trap, the number of their parameter that is a length, and the length at which
 * they do.
 */
const CALLS = [
  ["engine_read_gray", 4, WIDTH * HEIGHT],
  ["engine_fuse_gray", 4, WIDTH * HEIGHT],
  ["picture_reserve", 0, LENGTH],
];

function chunk(kind, body) {
  const content = Buffer.concat([Buffer.from(kind), body]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  check.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, check]);
}

/** A PNG file of black pixels. */
function black(width, height) {
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, height, 8, 0, 0, 0, 0]);
  const rows = deflateSync(Buffer.alloc((width + 1) * height));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const chunks = [chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([signature, ...chunks]);
}

/** The file whose picture stops the engine. */
export const trapFile = black(WIDTH, HEIGHT);
/** The files that stop the decoder of JPEG files, and that of all others. */
export const decoderTrapFiles = {
  jpeg: Buffer.alloc(LENGTH, Buffer.from([0xff, 0xd8, 0xff])),
  other: Buffer.alloc(LENGTH, "trap "),
};

/** WebAssembly features that the package's binaries use. */
const FEATURES = [
  "MutableGlobals",
  "NontrappingFPToInt",
  "SIMD128",
  "BulkMemory",
  "BulkMemoryOpt",
  "CallIndirectOverlong",
  "SignExt",
  "ReferenceTypes",
  "Multivalue",
  "RelaxedSIMD",
];

/** Returns a binary that traps at `trapFile` or `decoderTrapFiles` and is otherwise the same. */
export function withTrap(binary) {
  const module = binaryen.readBinary(binary);
  module.setFeatures(FEATURES.reduce((all, name) => all | binaryen.Features[name], 0));
  let altered = 0;
  for (const [name, parameter, length] of CALLS) {
    const place = module.getExport(name);
    if (!place) continue;
    const call = module.getFunction(binaryen.getExportInfo(place).value);
    const { body, results } = binaryen.getFunctionInfo(call);
    const given = module.local.get(parameter, binaryen.i32);
    const trap = module.if(module.i32.eq(given, module.i32.const(length)), module.unreachable());
    binaryen.Function.setBody(call, module.block(null, [trap, body], results));
    altered += 1;
  }
  if (!module.validate()) throw new Error("the altered binary is invalid");
  const bytes = altered > 0 ? Buffer.from(module.emitBinary()) : binary;
  module.dispose();
  return bytes;
}

/** Pages of WebAssembly's memory in a MiB. */
const PAGES = 16;

/** Reads an unsigned number of seven bits a byte: the number, and where it ends. */
function unsigned(bytes, at) {
  let [value, shift, end] = [0, 0, at];
  for (let more = true; more; shift += 7, end++) {
    value += (bytes[end] & 0x7f) * 2 ** shift;
    more = bytes[end] >= 0x80;
  }
  return [value, end];
}

/** Writes such a number. */
function written(value) {
  const bytes = [];
  for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

/** Returns a binary whose memory is refused beyond so many MiB. */
export function withMemory(binary, most) {
  const parts = [binary.subarray(0, 8)];
  for (let at = 8; at < binary.length;) {
    const [length, content] = unsigned(binary, at + 1);
    const end = content + length;
    // Section 5 holds the memory: how many there are, whether there is a limit, the first pages.
    if (binary[at] === 5) {
      const [first] = unsigned(binary, content + 2);
      if (first > most * PAGES) throw new Error(`the memory begins with ${first} pages`);
      const body = [1, 1, ...written(first), ...written(most * PAGES)];
      parts.push(Buffer.from([5, ...written(body.length), ...body]));
    } else parts.push(binary.subarray(at, end));
    at = end;
  }
  return Buffer.concat(parts);
}
