/**
 * The reading view in the browser's history: an entry for each place, so that "back" leads to the
 * place before and not away from the page.
 */
import { at } from "../dom";

/** A place that "back" can return to. A result is known by its number during this visit. */
export type Place = { section: "start" | "camera" | "batch" } | { section: "result"; id: number };

interface State {
  place: Place;
}

let current: Place = { section: "start" };

function same(one: Place, other: Place): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Records that the view is at a place now. */
export function arrive(place: Place): void {
  if (same(place, current)) return;
  current = place;
  history.pushState({ place } satisfies State, "");
}

/** Like `arrive`, for a place of before a reload: the browser may have its entry already. */
export function resume(place: Place): void {
  if (at("view-read").hidden) return;
  const before = (history.state as State | null)?.place;
  if (before !== undefined && same(before, place)) current = place;
  else arrive(place);
}

/** Calls `show` when the person goes back or forward, or chooses "Read" within the view. */
export function onReturn(show: (place: Place) => void): void {
  const shown = () => !at("view-read").hidden;
  addEventListener("popstate", ({ state }: PopStateEvent) => {
    const place = (state as State | null)?.place;
    // Another view's address was followed to this view, which keeps what it showed.
    if (place === undefined && !shown()) return;
    const fragment = location.hash.replace(/^#/, "");
    // Another view is opening.
    if (fragment !== "" && fragment !== "read") return;
    current = place ?? { section: "start" };
    show(current);
  });
  for (const link of document.querySelectorAll<HTMLAnchorElement>('a[href="#read"]'))
    link.addEventListener("click", (event) => {
      if (!shown()) return;
      event.preventDefault();
      arrive({ section: "start" });
      show(current);
    });
}
