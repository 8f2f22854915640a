/** The outcome of a result, and its presentation. */
import type { Result } from "nibble-mrz";
import type { Key } from "../messages";

/** The four outcomes of a reading. */
export type Outcome = "valid" | "doubt" | "wrong" | "none";

/** Good, to be checked, or bad: chooses colour and icon. */
export type Tone = "good" | "warn" | "bad";

/** Returns the outcome of a result. */
export function outcome(result: Result): Outcome {
  if (result.lines.length === 0) return "none";
  if (result.valid) return "valid";
  return result.checks.some((check) => !check.ok) ? "wrong" : "doubt";
}

/** The presentation of each outcome: tone, title, explanation, and text in a table. */
export const VERDICTS: Record<Outcome, { tone: Tone; title: Key; text: Key; row: Key }> = {
  valid: { tone: "good", title: "valid", text: "validText", row: "rowValid" },
  doubt: { tone: "warn", title: "doubt", text: "doubtText", row: "rowDoubt" },
  wrong: { tone: "bad", title: "wrong", text: "wrongText", row: "rowWrong" },
  none: { tone: "bad", title: "none", text: "noneText", row: "rowNone" },
};
