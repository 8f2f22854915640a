/** The sections of the reading view, of which one is visible. */
import { at } from "../dom";

const SECTIONS = ["start", "camera", "busy", "problem", "batch", "result"] as const;

/** The id of a section. */
export type Section = (typeof SECTIONS)[number];

/** Shows a section instead of the others. */
export function go(section: Section): void {
  for (const id of SECTIONS) at(id).hidden = id !== section;
  scrollTo({ top: 0 });
}

/** Returns whether a section is visible. */
export function isShown(section: Section): boolean {
  return !at(section).hidden;
}
