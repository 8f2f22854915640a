/** The texts around the views, in English. */
export const en = {
  skip: "Skip to content",
  language: "Language",
  views: "Views",
  read: "Read",
  bench: "Bench",
  how: "How it works",
  titleRead: "Nibble – document reader",
  titleBench: "Bench – Nibble",
  titleHow: "How it works – Nibble",
  loading: "Loading…",
  update: "A new version is available.",
  updateNow: "Reload",
  paper: "The paper",
  repository: "Source code",
  licence: "Licence",
  licences: "Licences of third parties",
  offline: "This page now works offline.",
  failed: "This view could not be loaded. Check the connection and reload the page.",
  foot: "Reads machine-readable zones of passports, identity cards and visas with a 4-bit network that runs in this tab. It checks digits, not whether a document is genuine.",
};

/** A key of the catalogue. */
export type ShellKey = keyof typeof en;
