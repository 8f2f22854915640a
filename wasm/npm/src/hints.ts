/** Hints to the person about the current frame. */
import type { Progress } from "./agreement.js";
import type { Result } from "./result.js";

/** What a person may do so that the document is read. */
export type Hint =
  "hintDark" | "hintFind" | "hintCheck" | "hintGlare" | "hintStill" | "hintWhole" | "hintCloser";

/** Mean brightness, 0 to 255, below which the hint is that light is missing. */
const DARK = 45;
/** Height of capitals, in pixels of the frame, below which reading is unreliable; with a margin. */
export const SMALL = 9;
/** Height of the outline of a line, as a multiple of that of its capitals. */
const OUTLINE = 1.3;
/** Width of the margin, as a fraction of the frame, in which lines are probably cut off. */
const EDGE = 0.01;
const distance = ([ax, ay]: [number, number], [bx, by]: [number, number]) =>
  Math.hypot(ax - bx, ay - by);

/** Returns the height of a line's capitals, in pixels; 0 for a line without corners. */
export function heightOf([a, , , d]: [number, number][]): number {
  return a === undefined || d === undefined ? 0 : distance(a, d) / OUTLINE;
}

/** Returns the hint for one frame. Lines that do not become valid soon may be covered by glare. */
export function hintFor(result: Result, progress: Progress, light: number): Hint {
  const { document, quads, width, height } = result;
  if (quads.length === 0) return light < DARK ? "hintDark" : "hintFind";
  const isWrong = result.checks.some(({ ok }) => !ok);
  if (isWrong && (progress.slow || progress.offer)) return "hintCheck";
  const slow = progress.slow && !result.valid;
  if (document !== null && !slow) return "hintStill";
  const cut = quads
    .flat()
    .some(([x, y]) => Math.min(x / width, 1 - x / width, y / height, 1 - y / height) < EDGE);
  if (cut) return "hintWhole";
  if (quads.some((quad) => heightOf(quad) < SMALL)) return "hintCloser";
  return slow ? "hintGlare" : "hintStill";
}
