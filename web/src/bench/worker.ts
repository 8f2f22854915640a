/** The worker of the bench view, with an engine of its own. */
import { NibbleError, Reader, bench, init } from "nibble-mrz";
import { EXACT, type News, type Order, type ReadingTimes } from "./protocol";

const cancelled = new AbortController();
const tell = (news: News): void => self.postMessage(news);

/** Readings of a picture that are timed, if nothing else is asked. */
const READINGS = 9;

/** Times whole readings of a picture: what a person feels of all of this. */
async function readings(address: string, repeats: number): Promise<ReadingTimes> {
  const picture = await bytes(address);
  const times: Partial<ReadingTimes> = {};
  for (const precision of ["f32", "u8", "u4"] as const) {
    const reader = await Reader.create({ precision });
    const taken: number[] = [];
    // The first one is not counted: it warms up.
    for (let count = 0; count <= (repeats || READINGS); count++) {
      const { ms } = await reader.read(picture, { signal: cancelled.signal });
      if (count > 0) taken.push(ms.locate + ms.network);
    }
    reader.dispose();
    times[precision] = taken.sort((a, b) => a - b)[taken.length >> 1] ?? 0;
  }
  return times as ReadingTimes;
}

async function measure({
  options,
  what,
  repeats,
  picture,
}: Extract<Order, { kind: "measure" }>): Promise<void> {
  await init(options);
  const onProgress = ({
    what: kind,
    done,
    of,
  }: {
    what: (typeof what)[number];
    done: number;
    of: number;
  }) => tell({ kind: "progress", progress: { what: kind, done, of } });
  const report = await bench({ what, repeats, onProgress, signal: cancelled.signal });
  const reading = await readings(picture, repeats);
  tell({ kind: "measured", report: { ...report, reading } });
}

async function bytes(address: string): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok) throw new NibbleError("LoadFailed", address);
  return new Uint8Array(await response.arrayBuffer());
}

async function compare({ options, pictures }: Extract<Order, { kind: "compare" }>): Promise<void> {
  await init(options);
  const of = pictures.length * EXACT.length;
  let done = 0;
  for (const precision of EXACT) {
    const reader = await Reader.create({ precision });
    for (const [file, address] of pictures) {
      const result = await reader.read(await bytes(address), { signal: cancelled.signal });
      tell({
        kind: "digests",
        digests: { file, precision, gray: result.gray_digest, digest: result.digest },
        done: ++done,
        of,
      });
    }
    reader.dispose();
  }
  tell({ kind: "compared" });
}

self.addEventListener("message", async ({ data }: MessageEvent<Order>) => {
  try {
    if (data.kind === "cancel") cancelled.abort();
    else await (data.kind === "measure" ? measure(data) : compare(data));
  } catch (thrown) {
    if (cancelled.signal.aborted) return tell({ kind: "cancelled" });
    const code = thrown instanceof NibbleError ? thrown.code : "Internal";
    tell({
      kind: "error",
      code,
      message: thrown instanceof Error ? thrown.message : String(thrown),
    });
  }
});
