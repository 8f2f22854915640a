/** The table in German. */
import type { TableKey } from "./en";

export const de: Record<TableKey, string> = {
  batchTitle: "Ergebnisse der Stapelverarbeitung",
  batchProgress: "{done} von {count} gelesen",
  batchStopped: "Angehalten nach {done} von {count}",
  stop: "Anhalten",
  outcome: "Ergebnis",
  rowWaiting: "Wartet",
  resume: "Weiterlesen",
  clearTable: "Tabelle leeren",
  filter: "Zeigen",
  filterAll: "Alle",
  filterFailed: "Falsch oder nicht gelesen",
  sumValid: "{count} gültig",
  sumCheck: "{count} zu prüfen",
  sumFailed: "{count} falsch oder nicht gelesen",
  saveCsv: "Als CSV sichern",
  copyTable: "Tabelle kopieren",
  saveXlsx: "Für Excel speichern",
  keys: "Strg+O fügt Bilder hinzu, Strg+C kopiert die Tabelle, Strg+S speichert sie, Strg+Z nimmt zurück.",
  remove: "{file} entfernen",
  keep: "Diese Liste in diesem Tab behalten",
  keepText:
    "Das Gelesene übersteht dann ein Neuladen: Namen, Nummern und Daten, nicht die Bilder. Der Browser behält es, bis Sie diesen Tab schließen, die Liste leeren oder das Häkchen entfernen. Öffnen Sie den geschlossenen Tab wieder, kann der Browser es zurückholen.",
  keepFull:
    "Der Browser hat keinen Platz für die Liste. Sie wird nicht mehr behalten: Sichern Sie sie als Datei.",
  keepRefused:
    "Dieser Browser lässt die Seite nichts behalten. Sichern Sie die Liste stattdessen als Datei.",
  keepBack: "Diese Liste wurde in diesem Tab behalten.",
};
