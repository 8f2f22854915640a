/** Whether a table is kept in this tab. What keeps it is loaded with the table. */

/** Under this key of the session storage is the table; the number is that of its form. */
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
