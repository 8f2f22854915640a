/** The table in French. */
import type { TableKey } from "./en";

export const fr: Record<TableKey, string> = {
  batchTitle: "Résultats du lot",
  batchProgress: "{done} sur {count} lues",
  batchStopped: "Arrêté après {done} sur {count}",
  stop: "Arrêter",
  outcome: "Résultat",
  rowWaiting: "En attente",
  resume: "Continuer",
  clearTable: "Vider le tableau",
  filter: "Afficher",
  filterAll: "Tout",
  filterFailed: "Faux ou non lus",
  sumValid: "{count} valides",
  sumCheck: "{count} à vérifier",
  sumFailed: "{count} faux ou non lus",
  filterUnopened: "Impossibles à ouvrir",
  sumUnopened: "{count} impossibles à ouvrir",
  tableCleared: "Le tableau est maintenant vide.",
  documentOf: "{file}, document {number}",
  pageFrom: "Page {page} sur {count} en préparation…",
  pagesCut: "Le fichier a {count} pages. Seules les {most} premières ont été prises.",
  saveCsv: "Enregistrer en CSV",
  copyTable: "Copier le tableau",
  saveXlsx: "Enregistrer pour Excel",
  keys: "Ctrl+O ajoute des images, Ctrl+C copie le tableau, Ctrl+S l’enregistre, Ctrl+Z annule.",
  remove: "Retirer {file}",
  keep: "Garder ce tableau dans cet onglet",
  keepText:
    "Ce qui a été lu survit alors à un rechargement : noms, numéros et dates, mais pas les images. Le navigateur le garde jusqu’à ce que vous fermiez cet onglet, vidiez le tableau ou décochiez cette case. Si vous rouvrez l’onglet fermé, le navigateur peut rétablir le tableau.",
  keepFull:
    "Ce navigateur n’a plus de place pour le tableau. Il n’est plus gardé : enregistrez-le dans un fichier.",
  keepRefused:
    "Ce navigateur ne laisse rien garder à cette page. Enregistrez plutôt le tableau dans un fichier.",
  keepBack: "Ce tableau a été gardé dans cet onglet.",
};
