/** The worker: holds the readers, answers requests in order. */
import { NibbleError, Reader, init } from "nibble";
import type { Answer, Request } from "./protocol";

const readers = new Map<string, Promise<Reader>>();

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
    case "start":
      return { id: request.id, kind: "started", binary: await init(request.options) };
    case "load":
      await reader(request.precision);
      return { id: request.id, kind: "loaded" };
    case "read": {
      const result = await (await reader(request.precision)).read(request.source);
      return { id: request.id, kind: "result", result };
    }
    case "probe":
      // For the privacy test: does the page's policy hold here?
      try {
        await fetch(request.address, { mode: "no-cors" });
        return { id: request.id, kind: "probed", reached: true };
      } catch {
        return { id: request.id, kind: "probed", reached: false };
      }
  }
}

self.addEventListener("message", async ({ data }: MessageEvent<Request>) => {
  let reply: Answer;
  try {
    reply = await answer(data);
  } catch (thrown) {
    const code = thrown instanceof NibbleError ? thrown.code : "Internal";
    reply = { id: data.id, kind: "error", code, message: thrown instanceof Error ? thrown.message : String(thrown) };
  }
  self.postMessage(reply);
});
