/** A binary that traps at one kind of file, so that tests can see what becomes of it. */
import binaryen from "binaryen";

/** Bytes of the file at which the altered binary traps. */
const LENGTH = 4321;
/** The calls that take a file: engine, address, length. */
const CALLS = ["engine_read_file", "engine_fuse_file"];

/** A file at which the altered binary traps, and which no reader takes for a picture. */
export const trapFile = Buffer.alloc(LENGTH, "trap ");

/** What the package's binaries may use. */
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

/** The same binary, except that it traps where it is given a file as long as `trapFile`. */
export function withTrap(binary) {
  const module = binaryen.readBinary(binary);
  module.setFeatures(FEATURES.reduce((all, name) => all | binaryen.Features[name], 0));
  for (const name of CALLS) {
    const exported = binaryen.getExportInfo(module.getExport(name));
    const call = module.getFunction(exported.value);
    const { body, results } = binaryen.getFunctionInfo(call);
    const isTrap = module.i32.eq(module.local.get(2, binaryen.i32), module.i32.const(LENGTH));
    const trap = module.if(isTrap, module.unreachable());
    binaryen.Function.setBody(call, module.block(null, [trap, body], results));
  }
  if (!module.validate()) throw new Error("the altered binary is invalid");
  const bytes = module.emitBinary();
  module.dispose();
  return Buffer.from(bytes);
}
