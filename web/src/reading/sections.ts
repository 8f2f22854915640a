/** The sections of the reading view: one is on the screen. */
import { at } from "../dom";

const SECTIONS = ["start", "camera", "busy", "problem", "batch", "result"] as const;

/** The id of a section. */
export type Section = (typeof SECTIONS)[number];

/** Shows a section in place of the others. */
export function go(section: Section): void {
  for (const id of SECTIONS) at(id).hidden = id !== section;
  scrollTo({ top: 0 });
}

/** Whether a section is the one on the screen. */
export function isShown(section: Section): boolean {
  return !at(section).hidden;
}
