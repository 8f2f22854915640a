/** The texts around the views, in French. */
import type { ShellKey } from "./en";

export const fr: Record<ShellKey, string> = {
  skip: "Aller au contenu",
  language: "Langue",
  views: "Vues",
  read: "Lire",
  bench: "Mesurer",
  how: "Le principe",
  titleRead: "Nibble – lecteur de documents",
  titleBench: "Mesurer – Nibble",
  titleHow: "Le principe – Nibble",
  loading: "Chargement…",
  update: "Une nouvelle version est là.",
  updateNow: "Recharger",
  paper: "L’article",
  repository: "Code source",
  licence: "Licence",
  licences: "Licences de tiers",
  offline: "Désormais cette page fonctionne sans réseau.",
  failed: "Cette vue n’a pas pu être chargée. Vérifiez la connexion et rechargez la page.",
  foot: "Lit les zones de lecture automatique des passeports, cartes et visas avec un réseau à 4 bits qui tourne dans cet onglet. Il vérifie des chiffres, non l’authenticité d’un document.",
};
