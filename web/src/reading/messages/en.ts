/** The table in English, and the keys of the catalogue. */
export const en = {
  batchTitle: "Batch results",
  batchProgress: "{done} of {count} read",
  batchStopped: "Stopped after {done} of {count}",
  stop: "Stop",
  outcome: "Result",
  rowWaiting: "Waiting",
  resume: "Go on",
  clearTable: "Clear the table",
  filter: "Show",
  filterAll: "All",
  filterFailed: "Wrong or not read",
  sumValid: "{count} valid",
  sumCheck: "{count} to check",
  sumFailed: "{count} wrong or not read",
  filterUnopened: "Could not be opened",
  sumUnopened: "{count} could not be opened",
  tableCleared: "The table is empty now.",
  documentOf: "{file}, document {number}",
  pageFrom: "Page {page} of {count} is drawn…",
  pagesCut: "The file has {count} pages. Only the first {most} were taken.",
  saveCsv: "Save as CSV",
  copyTable: "Copy the table",
  saveXlsx: "Save for Excel",
  keys: "Ctrl+O adds pictures, Ctrl+C copies the table, Ctrl+S saves it, Ctrl+Z undoes.",
  remove: "Remove {file}",
  keep: "Keep this table in this tab",
  keepText:
    "What was read then survives a reload: names, numbers and dates, not the pictures. The browser keeps it until you close this tab, clear the table or untick this box. If you reopen the closed tab, the browser may bring the table back.",
  keepFull: "This browser has no room for the table. It isn’t kept any more: save it as a file.",
  keepRefused: "This browser doesn’t let the page keep anything. Save the table as a file instead.",
  keepBack: "This table was kept in this tab.",
};

/** A key of the catalogue. */
export type TableKey = keyof typeof en;
