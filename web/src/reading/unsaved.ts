/** Has the browser ask before the page is left, while something would be lost. */

/** What a person may lose: rows of the table that were not saved, lines that were mended by hand. */
type What = "table" | "edit";

const unsaved = new Set<What>();

/** Notes whether something would be lost now. */
export function setUnsaved(what: What, isUnsaved: boolean): void {
  if (isUnsaved) unsaved.add(what);
  else unsaved.delete(what);
  removeEventListener("beforeunload", ask);
  if (unsaved.size > 0) addEventListener("beforeunload", ask);
}

function ask(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
