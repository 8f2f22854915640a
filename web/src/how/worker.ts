/**
 * The worker of the how-it-works view: reads a picture, then passes its last line through the three
 * networks.
 */
import { NibbleError, Reader, init } from "nibble-mrz";
import { Looker } from "nibble-mrz/explain";
import { PRECISIONS, type Answer, type Look, type Question } from "./protocol";

/** Layers whose output is shown. The last layer is left out, because its output is classes. */
const LAYERS = [0, 1, 2, 3, 4, 5];

async function look({ options, models, source }: Question): Promise<Look> {
  await init(options);
  const reader = await Reader.create({ precision: "u4" });
  const { quads, lines } = await reader.read(source);
  reader.dispose();
  const [quad, text] = [quads.at(-1), lines.at(-1)];
  if (quad === undefined || text === undefined) throw new Error("no line was found");
  let strip: Uint8Array | undefined;
  const maps: Partial<Look["maps"]> = {};
  for (const precision of PRECISIONS) {
    const looker = new Looker(new Uint8Array(await (await fetch(models[precision])).arrayBuffer()));
    // All networks read the same strip: decode the picture once.
    const line = (strip ??= new Uint8Array(await looker.strip(source, quad, text.length)));
    maps[precision] = LAYERS.map((layer) => looker.look(line, layer));
    looker.dispose();
  }
  return { strip: strip ?? new Uint8Array(), text, maps: maps as Look["maps"] };
}

self.addEventListener("message", async ({ data }: MessageEvent<Question>) => {
  let answer: Answer;
  try {
    answer = { look: await look(data) };
  } catch (thrown) {
    answer = {
      error: thrown instanceof Error ? thrown.message : String(thrown),
      ...(thrown instanceof NibbleError && { code: thrown.code }),
    };
  }
  self.postMessage(answer);
});
