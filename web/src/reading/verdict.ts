/** The outcome of a result, and its presentation. */
import type { Edited } from "./edit";
import type { Key } from "../messages";

/** The outcomes of a reading; the last one if a person has changed it. */
export type Outcome = "valid" | "doubt" | "wrong" | "none" | "edited";

/** Good, to be checked, or bad: chooses colour and icon. */
export type Tone = "good" | "warn" | "bad";

/** Returns the outcome of a result. */
export function outcome(result: Edited): Outcome {
  if (result.lines.length === 0) return "none";
  if (result.valid) return "valid";
  if (result.checks.some((check) => !check.ok)) return "wrong";
  const isSound = result.not_valid_because === undefined;
  return result.edited === true && isSound ? "edited" : "doubt";
}

/** The presentation of each outcome: tone, title, explanation, and text in a table. */
export const VERDICTS: Record<Outcome, { tone: Tone; title: Key; text: Key; row: Key }> = {
  valid: { tone: "good", title: "valid", text: "validText", row: "rowValid" },
  doubt: { tone: "warn", title: "doubt", text: "doubtText", row: "rowDoubt" },
  wrong: { tone: "bad", title: "wrong", text: "wrongText", row: "rowWrong" },
  edited: { tone: "good", title: "edited", text: "editedText", row: "edited" },
  none: { tone: "bad", title: "none", text: "noneText", row: "rowNone" },
};
