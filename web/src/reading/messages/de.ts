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
  filterUnopened: "Nicht zu öffnen",
  sumUnopened: "{count} nicht zu öffnen",
  tableCleared: "Die Tabelle ist jetzt leer.",
  documentOf: "{file}, Dokument {number}",
  pageFrom: "Seite {page} von {count} wird gezeichnet …",
  pagesCut: "Die Datei hat {count} Seiten. Nur die ersten {most} wurden genommen.",
  saveCsv: "Als CSV speichern",
  copyTable: "Tabelle kopieren",
  saveXlsx: "Für Excel speichern",
  keys: "Strg+O fügt Bilder hinzu, Strg+C kopiert die Tabelle, Strg+S speichert sie, Strg+Z nimmt zurück.",
  remove: "{file} entfernen",
  keep: "Diese Tabelle in diesem Tab behalten",
  keepText:
    "Das Gelesene übersteht dann ein Neuladen: Namen, Nummern und Datumsangaben, nicht die Bilder. Der Browser behält es, bis Sie diesen Tab schließen, die Tabelle leeren oder das Häkchen entfernen. Öffnen Sie den geschlossenen Tab wieder, kann der Browser die Tabelle zurückholen.",
  keepFull:
    "Der Browser hat keinen Platz für die Tabelle. Sie wird nicht mehr behalten: Speichern Sie sie als Datei.",
  keepRefused:
    "Dieser Browser lässt die Seite nichts behalten. Speichern Sie die Tabelle stattdessen als Datei.",
  keepBack: "Diese Tabelle wurde in diesem Tab behalten.",
};
