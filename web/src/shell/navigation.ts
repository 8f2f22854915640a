/**
 * Shows the view that the fragment of the address names, so that links, history and bookmarks work
 * as usual.
 *
 * The element of a view receives the events `enter` and `leave`, for views whose code is part of
 * the page.
 */
import { at, el } from "../dom";
import { onLanguage } from "../language";
import { t } from "./messages";
import type { View } from "../view";
import { VIEWS, type ViewEntry } from "./views";

const opened = new Map<string, Promise<View>>();
let current: ViewEntry | undefined;

const elementOf = (entry: ViewEntry): HTMLElement => at(`view-${entry.name}`);

/** Returns the view that a fragment names (the first if none) and the rest of the fragment. */
function route(fragment: string): { entry: ViewEntry; argument: string } {
  const [name = "", ...rest] = fragment.replace(/^#/, "").split("/");
  return {
    entry: VIEWS.find((entry) => entry.name === name) ?? VIEWS[0],
    argument: rest.join("/"),
  };
}

/** Fetches and starts the code of a view once. After a failure the next call tries again. */
function open(entry: ViewEntry): Promise<View> {
  let view = opened.get(entry.name);
  if (view === undefined) {
    view = entry.open?.(elementOf(entry)) ?? Promise.resolve({});
    opened.set(entry.name, view);
    view.catch(() => opened.delete(entry.name));
  }
  return view;
}

async function leave(entry: ViewEntry): Promise<void> {
  elementOf(entry).dispatchEvent(new Event("leave"));
  (await opened.get(entry.name)?.catch(() => undefined))?.leave?.();
}

function label(entry: ViewEntry): void {
  document.title = t(entry.title);
  for (const link of document.querySelectorAll<HTMLAnchorElement>("#views a")) {
    if (link.hash === `#${entry.name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Shows the view in the address and moves the focus to it, except when the page opens. */
async function show(first: boolean): Promise<void> {
  const { entry, argument } = route(location.hash);
  const element = elementOf(entry);
  const before = current;
  current = entry;
  if (before !== undefined && before !== entry) void leave(before);
  label(entry);
  for (const other of VIEWS) elementOf(other).hidden = other !== entry;
  if (before !== entry) {
    element.dispatchEvent(new Event("enter"));
    scrollTo({ top: 0 });
    if (!first) at("main").focus({ preventScroll: true });
  }
  try {
    if (entry.open !== undefined && !opened.has(entry.name)) {
      element.replaceChildren(el("p", { class: "waiting", role: "status" }, t("loading")));
    }
    const view = await open(entry);
    if (current === entry) view.enter?.(argument);
  } catch {
    element.replaceChildren(el("p", { class: "waiting", role: "alert" }, t("failed")));
  }
}

/** Starts to follow the address. */
export function startNavigation(): void {
  addEventListener("hashchange", () => void show(false));
  onLanguage(() => current !== undefined && label(current));
  // The skip link must not change the address, because its fragment names the view.
  document.querySelector(".skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    at("main").focus();
  });
  void show(true);
}
