// Reads pictures away from the page's own thread.
import { NibbleError, Reader } from "./nibble-mrz/index.js";

const reader = Reader.create();

self.addEventListener("message", async ({ data }) => {
  try {
    const { lines } = await (await reader).read(data);
    self.postMessage({ lines: lines.length > 0 ? lines : ["No machine-readable lines found."] });
  } catch (error) {
    self.postMessage({
      error: error instanceof NibbleError ? `${error.code}: ${error.message}` : String(error),
    });
  }
});
