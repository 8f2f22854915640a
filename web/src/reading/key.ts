/** The key to the chip of a document, as text and as a code that another device scans. */
import type { DocumentFields } from "nibble-mrz";
import { at } from "../dom";
import { t } from "../messages";

/** White modules around a code: scanners need four. */
const QUIET = 4;

/** Draws the key of the document on the screen. The code that draws it is loaded for that. */
async function draw(): Promise<void> {
  const text = at("key-text").textContent;
  const { generate } = await import("lean-qr");
  // Another document may have come meanwhile.
  if (text === "" || text !== at("key-text").textContent) return;
  const options = { on: [0, 0, 0], off: [255, 255, 255], pad: QUIET } as const;
  generate(text).toCanvas(at<HTMLCanvasElement>("key-code"), options);
  at("key-code").setAttribute("aria-label", t("keyCode"));
}

/** Shows the panel if the document has a key. The key itself is drawn when the panel is opened. */
export function showKey(document: DocumentFields | null): void {
  const panel = at<HTMLDetailsElement>("key");
  const key = document?.mrz_key ?? "";
  panel.hidden = key === "";
  at("key-text").textContent = key;
  if (panel.open && key !== "") void draw();
}

/** Starts to draw the code when the panel is opened. */
export function watchKey(): void {
  at<HTMLDetailsElement>("key").addEventListener("toggle", ({ target }) => {
    if ((target as HTMLDetailsElement).open) void draw();
  });
}
