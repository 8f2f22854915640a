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

/** Presses a button if it can be pressed now and one of these sections is on the screen. */
export function pressed(button: string, ...sections: Section[]): boolean {
  if (!sections.some(isShown)) return false;
  // The button that chooses files works where it is not seen, too.
  if (button !== "choose" && at(button).closest("[hidden]") !== null) return false;
  at(button).click();
  return true;
}
