/** The texts around the views, in German. */
import type { ShellKey } from "./en";

export const de: Record<ShellKey, string> = {
  skip: "Zum Inhalt",
  language: "Sprache",
  views: "Ansichten",
  read: "Lesen",
  bench: "Messen",
  how: "So geht’s",
  titleRead: "Nibble – Dokumente lesen",
  titleBench: "Messen – Nibble",
  titleHow: "So geht’s – Nibble",
  loading: "Wird geladen …",
  update: "Eine neue Version ist da.",
  updateNow: "Neu laden",
  paper: "Das Paper",
  repository: "Quelltext",
  licence: "Lizenz",
  licences: "Lizenzen Dritter",
  offline: "Ab jetzt geht diese Seite auch ohne Netz.",
  failed:
    "Diese Ansicht konnte nicht geladen werden. Prüfen Sie die Verbindung und laden Sie die Seite neu.",
  foot: "Liest maschinenlesbare Zonen von Pässen, Ausweisen und Visa mit einem 4-Bit-Netz, das in diesem Tab läuft. Es prüft Ziffern, nicht die Echtheit eines Dokuments.",
};
