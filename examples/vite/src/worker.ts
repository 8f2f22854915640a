import { NibbleError, Reader, type Result } from "nibble-mrz";

export type Answer = { result: Result } | { error: string };

const reader = Reader.create({ precision: "u4" });

self.addEventListener("message", async ({ data }: MessageEvent<ArrayBuffer>) => {
  let answer: Answer;
  try {
    answer = { result: await (await reader).read(data) };
  } catch (error) {
    answer = {
      error: error instanceof NibbleError ? `${error.code}: ${error.message}` : String(error),
    };
  }
  self.postMessage(answer);
});
