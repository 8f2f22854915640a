/**
 * Keys with Ctrl or ⌘ for people who read all day. None of them is a letter alone, so that they do
 * not disturb those who speak or search by keys.
 */

/** What the keys do, if there is something to do; each returns whether there was. */
export interface Shortcuts {
  /** Ctrl+O: chooses pictures. */
  choose(): boolean;
  /** Ctrl+S: saves what is on the screen. */
  save(): boolean;
  /** Ctrl+C without a selection: copies what is on the screen. */
  copy(): boolean;
  /** Ctrl+Z: takes back the last change. */
  undo(): boolean;
  /** Escape: goes back one place. */
  back(): boolean;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches("input:not([type=radio]), textarea, select");
}

function actionOf(event: KeyboardEvent, keys: Shortcuts): (() => boolean) | undefined {
  if (event.altKey || event.shiftKey) return undefined;
  if (event.key === "Escape") return () => keys.back();
  if (!event.ctrlKey && !event.metaKey) return undefined;
  const key = event.key.toLowerCase();
  if (key === "o") return () => keys.choose();
  if (key === "s") return () => keys.save();
  if (isTyping(event.target)) return undefined;
  if (key === "z") return () => keys.undo();
  const selected = getSelection()?.isCollapsed === false;
  return key === "c" && !selected ? () => keys.copy() : undefined;
}

/** Starts to listen. `isOn` tells whether the view is on the screen. */
export function watchKeys(keys: Shortcuts, isOn: () => boolean): void {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || !isOn()) return;
    if (actionOf(event, keys)?.() === true) event.preventDefault();
  });
}
