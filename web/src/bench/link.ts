/** A result as part of an address: JSON, compressed with deflate, in base64url. */
import { PRECISIONS, WORKS, type Figure, type Measured } from "./measured";

/** Increased whenever the layout changes. */
const VERSION = 2;
/** Maximum size after decompression: a link from elsewhere must not exhaust the memory. */
const MAX_BYTES = 20_000;

type Packed = [
  version: number,
  device: string,
  noisy: 0 | 1,
  kernels: [string, string][],
  figures: number[][],
  /** Milliseconds of a whole reading at each precision; empty if it was not measured. */
  reading: number[],
  /** Day, release and commit; empty if they are not known. */
  made: string[],
];

/** Three digits exceed the precision of a measurement. */
const short = (value: number): number => Number(value.toPrecision(3));

function pack(measured: Measured): Packed {
  const kernels = PRECISIONS.map((width): [string, string] => {
    const found = measured.kernels[width];
    return found === undefined ? ["", ""] : [found.kernel, found.isa];
  });
  const figures = WORKS.flatMap((work) =>
    PRECISIONS.map((width) => {
      const found = measured.figures[work]?.[width];
      return found === undefined
        ? []
        : [found.gmacs ?? 0, found.overF32, found.overU8, found.ms ?? 0].map(short);
    }),
  );
  const { reading, made } = measured;
  return [
    VERSION,
    measured.device,
    measured.noisy ? 1 : 0,
    kernels,
    figures,
    reading === undefined ? [] : PRECISIONS.map((width) => short(reading[width])),
    made === undefined ? [] : [made.date, made.version, made.commit],
  ];
}

/** Links of the first version lack what the second added. */
function unpack([version, device, noisy, kernels, figures, reading, made]: Packed): Measured {
  if (version !== VERSION && version !== 1) throw new Error(`version ${version}`);
  const measured: Measured = {
    device: String(device),
    kernels: {},
    figures: {},
    noisy: noisy === 1,
  };
  PRECISIONS.forEach((width, index) => {
    const [kernel, isa] = kernels[index] ?? ["", ""];
    if (kernel !== "") measured.kernels[width] = { kernel: String(kernel), isa: String(isa) };
  });
  WORKS.forEach((work, row) =>
    PRECISIONS.forEach((width, column) => {
      const numbers = figures[row * PRECISIONS.length + column] ?? [];
      if (numbers.length !== 4 || !numbers.every(Number.isFinite)) return;
      const [gmacs = 0, overF32 = 0, overU8 = 0, ms = 0] = numbers;
      const figure: Figure = {
        gmacs: gmacs === 0 ? null : gmacs,
        overF32,
        overU8,
        ms: work === "gemm" ? null : ms,
      };
      (measured.figures[work] ??= {})[width] = figure;
    }),
  );
  const [f32 = 0, u8 = 0, u4 = 0] = reading ?? [];
  if (u4 > 0) measured.reading = { f32: Number(f32), u8: Number(u8), u4: Number(u4) };
  const [date, release, commit] = made ?? [];
  if (date !== undefined)
    measured.made = { date: String(date), version: String(release), commit: String(commit) };
  return measured;
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  transform: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([bytes]).stream().pipeThrough(transform).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let size = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    size += value.length;
    if (size > MAX_BYTES) throw new Error("too long");
    parts.push(value as Uint8Array<ArrayBuffer>);
  }
}

/** Encodes a result. */
export async function encode(measured: Measured): Promise<string> {
  const bytes = await through(
    new TextEncoder().encode(JSON.stringify(pack(measured))),
    new CompressionStream("deflate-raw"),
  );
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Decodes a result; `null` if the text is no encoded result. */
export async function decode(letters: string): Promise<Measured | null> {
  try {
    const binary = atob(letters.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = await through(
      Uint8Array.from(binary, (c) => c.charCodeAt(0)),
      new DecompressionStream("deflate-raw"),
    );
    return unpack(JSON.parse(new TextDecoder().decode(bytes)) as Packed);
  } catch {
    return null;
  }
}
