/** The texts of the elements. Slots replace those of buttons. */

const en = {
  choose: "Choose a picture",
  drop: "or drop it here",
  reading: "Reading…",
  count: "{done} of {count} read",
  start: "Use the camera",
  use: "Use this result",
  done: "Read",
  hintStart: "The camera is starting…",
  hintFind: "Hold it about 20 cm away, code lines at the bottom.",
  hintCloser: "A little closer.",
  hintWhole: "Show the lines in full.",
  hintStill: "Hold still…",
  hintDark: "It is too dark. More light helps.",
  hintCheck: "A check digit doesn’t match. Tilt the document to avoid glare.",
  NoLines: "No machine-readable lines found.",
  OtherFormat: "This kind of document isn’t accepted here.",
  CameraDenied: "The camera isn’t allowed. Allow it in the settings of your browser.",
  CameraNone: "No camera was found.",
  CameraBusy: "The camera is in use by another program.",
  CameraLost: "The camera stopped.",
  CameraInsecure: "The camera needs a page opened over HTTPS.",
  failed: "This could not be read.",
};

/** The texts in one language. */
export type Texts = typeof en;
/** A language of the elements. */
export type Language = "en" | "de" | "fr" | "ar";

const de: Texts = {
  choose: "Bild auswählen",
  drop: "oder hier ablegen",
  reading: "Wird gelesen …",
  count: "{done} von {count} gelesen",
  start: "Kamera verwenden",
  use: "Ergebnis übernehmen",
  done: "Gelesen",
  hintStart: "Die Kamera startet …",
  hintFind: "Etwa 20 cm entfernt halten, die Codezeilen unten.",
  hintCloser: "Etwas näher.",
  hintWhole: "Die Zeilen ganz zeigen.",
  hintStill: "Stillhalten …",
  hintDark: "Es ist zu dunkel. Mehr Licht hilft.",
  hintCheck: "Eine Prüfziffer stimmt nicht. Das Dokument kippen, um Spiegelungen zu vermeiden.",
  NoLines: "Keine maschinenlesbaren Zeilen gefunden.",
  OtherFormat: "Diese Art Dokument wird hier nicht angenommen.",
  CameraDenied: "Die Kamera ist nicht erlaubt. Erlauben Sie sie in den Einstellungen des Browsers.",
  CameraNone: "Keine Kamera gefunden.",
  CameraBusy: "Ein anderes Programm verwendet die Kamera.",
  CameraLost: "Die Kamera wurde beendet.",
  CameraInsecure: "Die Kamera braucht eine Seite, die über HTTPS geöffnet ist.",
  failed: "Das konnte nicht gelesen werden.",
};

const fr: Texts = {
  choose: "Choisir une image",
  drop: "ou la déposer ici",
  reading: "Lecture…",
  count: "{done} sur {count} lus",
  start: "Utiliser la caméra",
  use: "Garder cette lecture",
  done: "Lu",
  hintStart: "La caméra démarre…",
  hintFind: "Tenez-le à 20 cm environ, les lignes de code en bas.",
  hintCloser: "Un peu plus près.",
  hintWhole: "Montrez les lignes en entier.",
  hintStill: "Ne bougez plus…",
  hintDark: "Il fait trop sombre. Plus de lumière aide.",
  hintCheck: "Un chiffre de contrôle ne correspond pas. Inclinez le document contre les reflets.",
  NoLines: "Aucune ligne lisible par machine.",
  OtherFormat: "Ce type de document n’est pas accepté ici.",
  CameraDenied: "La caméra n’est pas autorisée. Autorisez-la dans les réglages du navigateur.",
  CameraNone: "Aucune caméra trouvée.",
  CameraBusy: "Un autre programme utilise la caméra.",
  CameraLost: "La caméra s’est arrêtée.",
  CameraInsecure: "La caméra demande une page ouverte en HTTPS.",
  failed: "La lecture a échoué.",
};

const ar: Texts = {
  choose: "اختر صورة",
  drop: "أو أفلتها هنا",
  reading: "جارٍ القراءة…",
  count: "قُرئ {done} من {count}",
  start: "استخدام الكاميرا",
  use: "اعتماد هذه القراءة",
  done: "تمت القراءة",
  hintStart: "الكاميرا تبدأ…",
  hintFind: "أمسكه على بعد 20 سم تقريبًا، وسطور الرموز في الأسفل.",
  hintCloser: "أقرب قليلًا.",
  hintWhole: "أظهر السطور كاملة.",
  hintStill: "اثبت…",
  hintDark: "الإضاءة ضعيفة. المزيد من الضوء يساعد.",
  hintCheck: "رقم تحقق غير مطابق. أمِل الوثيقة لتجنب الانعكاس.",
  NoLines: "لم توجد سطور مقروءة آليًا.",
  OtherFormat: "هذا النوع من الوثائق غير مقبول هنا.",
  CameraDenied: "الكاميرا غير مسموح بها. اسمح بها في إعدادات المتصفح.",
  CameraNone: "لم توجد كاميرا.",
  CameraBusy: "برنامج آخر يستخدم الكاميرا.",
  CameraLost: "توقفت الكاميرا.",
  CameraInsecure: "تحتاج الكاميرا إلى صفحة مفتوحة عبر HTTPS.",
  failed: "تعذّرت القراءة.",
};

/** The texts in each language. */
export const textsOf: Record<Language, Texts> = { en, de, fr, ar };
