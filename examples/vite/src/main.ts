import type { Answer } from "./worker";

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const shown = document.querySelector<HTMLElement>("#result")!;
const input = document.querySelector<HTMLInputElement>("#file")!;

worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
  shown.textContent =
    "error" in data
      ? data.error
      : data.result.lines.join("\n") || "No machine-readable lines found.";
});
input.addEventListener("change", async () => {
  const file = input.files?.[0];
  if (file === undefined) return;
  shown.textContent = "Reading…";
  worker.postMessage(await file.arrayBuffer());
});
