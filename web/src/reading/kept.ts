/** Whether a table is kept in this tab. What keeps it is loaded with the table. */

/** The table's key in the session storage; the number is the version of what is stored there. */
export const KEPT = "nibble-table-1";

/** Whether the browser holds a table of this tab. */
export function isKept(): boolean {
  try {
    return sessionStorage.getItem(KEPT) !== null;
  } catch {
    // The browser forbids it to this page.
    return false;
  }
}
