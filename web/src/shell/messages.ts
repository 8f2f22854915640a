/** The texts around the views. */
import { translateMarked, translator } from "../language";

const en = {
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

const de: Record<ShellKey, string> = {
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

const fr: Record<ShellKey, string> = {
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

const ar: Record<ShellKey, string> = {
  skip: "انتقل إلى المحتوى",
  language: "اللغة",
  views: "الأقسام",
  read: "قراءة",
  bench: "قياس",
  how: "كيف يعمل",
  titleRead: "Nibble – قارئ الوثائق",
  titleBench: "قياس – Nibble",
  titleHow: "كيف يعمل – Nibble",
  loading: "جارٍ التحميل…",
  update: "يتوفر إصدار جديد.",
  updateNow: "إعادة التحميل",
  paper: "البحث العلمي",
  repository: "الشيفرة المصدرية",
  licence: "الترخيص",
  licences: "تراخيص الأطراف الأخرى",
  offline: "من الآن تعمل هذه الصفحة دون اتصال.",
  failed: "تعذّر تحميل هذا القسم. تحقّق من الاتصال ثم أعد تحميل الصفحة.",
  foot: "يقرأ المنطقة المقروءة آليًا في جوازات السفر وبطاقات الهوية والتأشيرات بشبكة من 4 بتات تعمل في هذه الصفحة. يتحقق من الأرقام لا من أصالة الوثيقة.",
};

const catalogue = { en, de, fr, ar };

/** Returns the text for a key in the current language. */
export const t = translator<ShellKey>(catalogue);

translateMarked("data-shell", t);
