/**
 * Runs networks of any kind: model files that `nibble-qat` exports.
 *
 * Works in windows, workers and Node. A run blocks its thread, so a page should call this from a
 * worker unless its network is small.
 */
import { NibbleError } from "./error.js";
import { type Binary, supported } from "./features.js";
import { Held, Instance } from "./instance.js";
import { type PackageFile, compile, distrust, load } from "./load.js";
import start, { GraphNetwork, choose_kernels, initSync, restart } from "./network-engine.js";

export { NibbleError, type ErrorCode } from "./error.js";
export { supported, type Binary } from "./features.js";
export type { PackageFile } from "./load.js";

/** Where to find the engine if it is not beside this module. */
export interface NetworkOptions {
  /** The engine: its address or bytes, in both binaries. */
  wasm?: Partial<Record<Binary, PackageFile>>;
  /** Runs this binary instead of the best one; for tests and comparisons. */
  binary?: Binary;
}

/** What a run may take at most, and where to find the engine. */
export interface LoadOptions extends NetworkOptions {
  /** Bytes of memory apart from the weights; 100 MiB by default and at most. */
  maxBytes?: number;
  /** Multiply-adds, or values that other operations make or read; 2^40 by default. */
  maxMultiplyAdds?: number;
}

/** What elements are: codes of 4 or 8 bits, 32-bit sums or indices, or single precision. */
export type ElementType = "u4" | "u8" | "i32" | "f32";

/** Rows and columns. */
export interface Size {
  height: number;
  width: number;
}

/** The meaning of elements: an element `q` stands for `(q - zeroPoint) * scale`. */
interface Meaning {
  /** One for all elements, or one for each channel; empty for `f32`. */
  readonly scales: readonly number[];
  /** Likewise; empty for `i32` and `f32`. */
  readonly zeroPoints: readonly number[];
}

/** An input of a network. */
export interface NetworkInput extends Meaning {
  readonly name: string;
  /** `u4` and `u8` inputs are given as bytes, 0 to 255, `f32` inputs as real numbers. */
  readonly type: ElementType;
  /** Channels, interleaved. */
  readonly channels: number;
  /** Rows; absent if they can differ from run to run. */
  readonly height?: number;
  /** Columns, likewise. */
  readonly width?: number;
}

/** An output of a network. */
export interface NetworkOutput extends Meaning {
  readonly name: string;
  readonly type: ElementType;
}

/** Values of an input, `[row][column][channel]`. */
export type InputValues = Uint8Array | Uint8ClampedArray | Float32Array;

/** An input of a run. `height` and `width` can be left out where the network fixes them. */
export type RunInput = InputValues | ({ data: InputValues } & Partial<Size>);

/** An output of a run. It can be sent between threads. */
export type Tensor = NetworkOutput & {
  /** Rows, columns and channels. */
  readonly shape: readonly [rows: number, columns: number, channels: number];
} & (
    | { readonly type: "u4" | "u8"; readonly values: Uint8Array<ArrayBuffer> }
    | { readonly type: "i32"; readonly values: Int32Array<ArrayBuffer> }
    | { readonly type: "f32"; readonly values: Float32Array<ArrayBuffer> }
  );

/** What the engine says of a network. */
interface Description {
  name: string;
  release: string;
  hash: string;
  inputs: (Omit<NetworkInput, "zeroPoints"> & { zero_points: number[] })[];
  outputs: (Omit<NetworkOutput, "zeroPoints"> & { zero_points: number[] })[];
}

const engine = new Instance({ start, initSync, choose_kernels, restart });
/** The start, pending or done. A failed start is cleared, so that the next call tries again. */
let starting: Promise<Binary> | undefined;
let startedWith: NetworkOptions = {};

// Bundlers recognise `new URL("...", import.meta.url)` as it stands below, and copy the files.
function engineFile(binary: Binary, { wasm }: NetworkOptions): PackageFile {
  const moved = wasm?.[binary];
  if (moved !== undefined) return moved;
  return binary === "relaxed"
    ? new URL("./nibble-network-relaxed.wasm", import.meta.url)
    : new URL("./nibble-network-simd128.wasm", import.meta.url);
}

async function loadAndStart(options: NetworkOptions): Promise<Binary> {
  const binary = options.binary ?? supported();
  if (binary === null) throw new NibbleError("NoSimd", "this engine lacks WebAssembly SIMD");
  const module = await compile(engineFile(binary, options));
  try {
    await engine.start(module);
  } catch (cause) {
    throw new NibbleError("LoadFailed", "the WebAssembly module does not start", { cause });
  }
  return binary;
}

const areSame = (a: NetworkOptions, b: NetworkOptions): boolean =>
  a.binary === b.binary &&
  String(a.wasm?.relaxed) === String(b.wasm?.relaxed) &&
  String(a.wasm?.simd128) === String(b.wasm?.simd128);

/**
 * Loads and starts the engine; resolves to the binary that runs. `Network.load` does it too. The
 * first options hold: later calls may repeat them or leave them out.
 *
 * Rejects with `NibbleError`: `NoSimd`, `LoadFailed` or `AlreadyInitialised`.
 */
export function initNetworks(options?: NetworkOptions): Promise<Binary> {
  if (starting !== undefined) {
    if (options === undefined || areSame(options, startedWith)) return starting;
    const message = "networks were loaded before with other options, or without any";
    return Promise.reject(new NibbleError("AlreadyInitialised", message));
  }
  startedWith = options ?? {};
  const mine = loadAndStart(startedWith);
  starting = mine;
  mine.catch(() => (starting = undefined));
  return mine;
}

function wrong(message: string): NibbleError {
  return new NibbleError("InvalidArgument", message);
}

const isValues = (value: unknown): value is InputValues =>
  value instanceof Uint8Array ||
  value instanceof Uint8ClampedArray ||
  value instanceof Float32Array;

const isInput = (value: unknown): value is RunInput =>
  isValues(value) ||
  (typeof value === "object" && value !== null && isValues((value as { data?: unknown }).data));

const isSide = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 31;

/** A size of an input: as it is given, or else as the network fixes it. */
function sizeOf(input: NetworkInput, { height, width }: Partial<Size> = {}): Size {
  const size = { height: height ?? input.height, width: width ?? input.width };
  if (isSide(size.height) && isSide(size.width)) return size as Size;
  throw wrong(`input \`${input.name}\`: give its height and width, because the network does not`);
}

/** What is given for each input: by name, or as it is if there is only one input. */
function named<T>(
  inputs: readonly NetworkInput[],
  given: unknown,
  isOne: (value: unknown) => value is T,
): Map<NetworkInput, T> {
  const [only, ...others] = inputs;
  if (isOne(given)) {
    if (only !== undefined && others.length === 0) return new Map([[only, given]]);
    throw wrong(`the network has ${inputs.length} inputs: give them by name`);
  }
  if (typeof given !== "object" || given === null)
    throw wrong("an input is a Uint8Array, a Float32Array, or an object with `data`");
  const names = inputs.map(({ name }) => name);
  for (const name of Object.keys(given))
    if (!names.includes(name))
      throw wrong(`the network has no input \`${name}\`, but ${names.join(", ")}`);
  return new Map(
    inputs.map((input) => {
      const value = (given as Record<string, unknown>)[input.name];
      if (isOne(value)) return [input, value];
      throw wrong(
        `input \`${input.name}\`: ${value === undefined ? "it is missing" : "it is of another type"}`,
      );
    }),
  );
}

/** No limit: the engine has less memory. */
const MOST_BYTES = 2n ** 32n;
const MOST_MULTIPLY_ADDS = 2n ** 40n;

/** A limit as the engine takes it. */
function limitOf(name: string, value: number | undefined, otherwise: bigint): bigint {
  if (value === undefined) return otherwise;
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 64) return BigInt(value);
  throw wrong(`${name} is a whole number from 0`);
}

/** The real numbers that the elements of an output stand for, in single precision. */
export function realsOf({ type, shape, values, scales, zeroPoints }: Tensor): Float32Array {
  if (type === "f32") return Float32Array.from(values);
  const channels = shape[2];
  const reals = new Float32Array(values.length);
  for (let at = 0; at < reals.length; at++) {
    const channel = at % channels;
    const scale = scales[scales.length > 1 ? channel : 0] ?? 1;
    const zero = zeroPoints[zeroPoints.length > 1 ? channel : 0] ?? 0;
    reals[at] = Math.fround((values[at] ?? 0) - zero) * scale;
  }
  return reals;
}

/** A network that is ready to run. Call `dispose` when done. */
export class Network {
  /** Name of the network. */
  readonly name: string;
  /** Release of its weights. */
  readonly release: string;
  /** FNV-1a digest of the file, 16 hexadecimal digits. */
  readonly hash: string;
  readonly inputs: readonly NetworkInput[];
  readonly outputs: readonly NetworkOutput[];
  /** Undefined after `dispose`. */
  #engine: Held<GraphNetwork> | undefined;

  private constructor(held: Held<GraphNetwork>) {
    const text = held.call((network) => network.description());
    const { name, release, hash, inputs, outputs } = JSON.parse(text) as Description;
    this.#engine = held;
    this.name = name;
    this.release = release;
    this.hash = hash;
    this.inputs = inputs.map(({ zero_points, ...input }) => ({
      ...input,
      zeroPoints: zero_points,
    }));
    this.outputs = outputs.map(({ zero_points, ...end }) => ({ ...end, zeroPoints: zero_points }));
  }

  /**
   * Loads a network from the bytes of a model file, or from its address. The first network loads
   * the engine too.
   *
   * Rejects with `NibbleError`: as `initNetworks` does, with `LoadFailed` if the file does not
   * arrive, and with `ModelInvalid` if it cannot be used. The message then names the file, if it was
   * given by its address, and the node or the tensor. `InvalidArgument` if a limit is no number.
   */
  static async load(model: PackageFile, options: LoadOptions = {}): Promise<Network> {
    const isAddress = typeof model === "string" || model instanceof URL;
    if (!isAddress && !(model instanceof ArrayBuffer) && !ArrayBuffer.isView(model))
      throw wrong("a model is an address or the bytes of a file");
    const { maxBytes, maxMultiplyAdds, ...engineOptions } = options;
    const bytesLimit = limitOf("maxBytes", maxBytes, MOST_BYTES);
    const workLimit = limitOf("maxMultiplyAdds", maxMultiplyAdds, MOST_MULTIPLY_ADDS);
    const started = initNetworks(Object.keys(engineOptions).length > 0 ? engineOptions : undefined);
    // Engine and model arrive at the same time. If both fail, the engine's error tells.
    const loading = load(model);
    loading.catch(() => undefined);
    await started;
    // A new instance of the engine needs the bytes again, whatever becomes of the caller's.
    const bytes = isAddress ? await loading : (await loading).slice();
    try {
      const make = () => {
        const network = new GraphNetwork(bytes);
        network.limit(bytesLimit, workLimit);
        return network;
      };
      return new Network(new Held(engine, make));
    } catch (thrown) {
      if (!(thrown instanceof NibbleError) || thrown.code !== "ModelInvalid" || !isAddress)
        throw thrown;
      // It may have arrived in part: the next call asks for it again.
      distrust(model);
      throw new NibbleError("ModelInvalid", `${String(model)}: ${thrown.message}`, {
        cause: thrown,
      });
    }
  }

  /**
   * Bytes of memory that a run takes apart from the weights. `sizes` are those of the inputs, by
   * name, or of the only input; what the network fixes can be left out.
   *
   * Throws `NibbleError`: `InvalidArgument`, or `TooLarge` if a run would exceed the limits.
   */
  peakBytes(sizes: Partial<Size> | Record<string, Partial<Size>> = {}): number {
    const held = this.#held();
    if (typeof sizes !== "object" || sizes === null) throw wrong("sizes are an object");
    const isSize = (value: unknown): value is Partial<Size> =>
      typeof value === "object" && value !== null && ("height" in value || "width" in value);
    const given = isSize(sizes) ? named(this.inputs, sizes, isSize) : undefined;
    const sides = this.inputs.flatMap((input) => {
      const size = given?.get(input) ?? (sizes as Record<string, Partial<Size>>)[input.name];
      const { height, width } = sizeOf(input, size);
      return [height, width];
    });
    return held.call((network) => network.peak_bytes(Uint32Array.from(sides)));
  }

  /**
   * Runs the network, and returns its outputs by name.
   *
   * Throws `NibbleError`: `InvalidArgument` if an input does not suit, `TooLarge` if a run on inputs
   * of this size would exceed the limits, `Disposed`, or `Trapped`.
   */
  run(input: RunInput | Record<string, RunInput>): Record<string, Tensor> {
    const held = this.#held();
    const given = [...named(this.inputs, input, isInput)].map(([input, value]) => {
      const { data, ...size } = isValues(value)
        ? { data: value }
        : { data: value.data, height: value.height, width: value.width };
      return { data, ...sizeOf(input, size as Partial<Size>) };
    });
    const results = held.call((network) => {
      given.forEach(({ data, height, width }, place) => {
        if (data instanceof Float32Array) network.give_reals(place, height, width, data);
        else
          network.give_bytes(
            place,
            height,
            width,
            new Uint8Array(data.buffer, data.byteOffset, data.length),
          );
      });
      return network.run() as unknown[];
    });
    return Object.fromEntries(
      this.outputs.map((output, place) => {
        const [rows, columns, channels, values] = results.slice(4 * place, 4 * place + 4);
        return [output.name, { ...output, shape: [rows, columns, channels], values } as Tensor];
      }),
    );
  }

  /** Frees the network's memory; later calls throw `Disposed`. Never throws. */
  dispose(): void {
    this.#engine?.free();
    this.#engine = undefined;
  }

  #held(): Held<GraphNetwork> {
    if (this.#engine === undefined) throw new NibbleError("Disposed", "the network was disposed");
    return this.#engine;
  }
}
