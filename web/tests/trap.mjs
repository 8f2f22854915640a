/** Makes binaries that trap at one particular file, so that tests can see how a trap is handled. */
import binaryen from "binaryen";

/** Size in bytes of the file that traps. */
const LENGTH = 4321;
/** The exports that take a file. Their parameters: engine, address, length. */
const CALLS = ["engine_read_file", "engine_fuse_file"];

/** The file that traps. No reader takes it for a picture. */
export const trapFile = Buffer.alloc(LENGTH, "trap ");

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

/**
 * Returns a binary that traps when it is given a file as long as `trapFile`, and is otherwise the
 * same.
 */
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
