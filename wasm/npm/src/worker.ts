/** The worker that reads: holds the readers and answers requests in order. */
import {
  NibbleError,
  Reader,
  init,
  kernels,
  lumaOf,
  parseText,
  type Luma,
  type Progress,
} from "./index.js";
import { brightness, brightnessOfLuma, pixelsOfFrame } from "./light.js";
import { adopt } from "./load.js";
import { mirrorLuma } from "./mirror.js";
import { jpegDecoder } from "./picture.js";
import type { Answer, Request } from "./protocol.js";
import { receive } from "./relay.js";
import { prepareFor } from "./source.js";

const readers = new Map<string, Promise<Reader>>();
/** The luma of the last frame, whose memory the next one uses. */
let last: Luma | undefined;

function reader(precision: "f32" | "u8" | "u4"): Promise<Reader> {
  let made = readers.get(precision);
  if (made === undefined) {
    made = Reader.create({ precision });
    readers.set(precision, made);
    made.catch(() => readers.delete(precision));
  }
  return made;
}

async function answer(request: Request): Promise<Answer> {
  switch (request.kind) {
    case "start": {
      for (const { address, port } of request.begun) adopt(address, receive(port));
      // Options must be the same each time; what reports progress does not count.
      const onProgress = ({ loaded }: Progress) =>
        self.postMessage({ id: request.id, kind: "progress", loaded } satisfies Answer);
      const binary = await init({
        ...request.options,
        ...(request.progress && { onProgress }),
      });
      return { id: request.id, kind: "started", binary, kernels: kernels(false) };
    }
    case "load":
      await reader(request.precision);
      return { id: request.id, kind: "done" };
    case "decoder":
      await (request.file === undefined ? jpegDecoder.prepare() : prepareFor(request.file));
      return { id: request.id, kind: "done" };
    case "read": {
      const result = await (await reader(request.precision)).read(request.source);
      return { id: request.id, kind: "result", result };
    }
    case "frame": {
      const { picture, how } = request;
      const pixels = pixelsOfFrame(picture, how.mirrored);
      const light = brightness(pixels);
      const reading = await reader(request.precision);
      const result = await (how.alone ? reading.read(pixels) : reading.fuse(pixels));
      return { id: request.id, kind: "frame", result, picture, light };
    }
    case "luma": {
      const { frame, part, size } = request;
      const luma = await lumaOf(frame, { part, size, previous: last }).finally(() => frame.close());
      if (luma === null) throw new NibbleError("Unsupported", "the frame has no luma");
      last = luma;
      if (request.mirrored) mirrorLuma(luma);
      const result = await (await reader(request.precision)).fuse(luma);
      return { id: request.id, kind: "luma", result, light: brightnessOfLuma(luma) };
    }
    case "parse":
      return { id: request.id, kind: "parsed", parsed: parseText(request.text) };
    case "forget":
      (await reader(request.precision)).forget();
      return { id: request.id, kind: "done" };
  }
}

self.addEventListener("message", async ({ data }: MessageEvent<Request>) => {
  let reply: Answer;
  try {
    reply = await answer(data);
  } catch (thrown) {
    // The picture does not go back with an error: free it.
    if (data.kind === "frame") data.picture.close();
    const code = thrown instanceof NibbleError ? thrown.code : "Internal";
    reply = {
      id: data.id,
      kind: "error",
      code,
      message: thrown instanceof Error ? thrown.message : String(thrown),
    };
  }
  self.postMessage(reply, { transfer: reply.kind === "frame" ? [reply.picture] : [] });
});
