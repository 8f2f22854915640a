/** The table in Arabic. */
import type { TableKey } from "./en";

export const ar: Record<TableKey, string> = {
  batchTitle: "نتائج الدفعة",
  batchProgress: "قُرئت {done} من {count}",
  batchStopped: "توقفت بعد {done} من {count}",
  stop: "إيقاف",
  outcome: "النتيجة",
  rowWaiting: "بالانتظار",
  resume: "متابعة",
  clearTable: "إفراغ الجدول",
  filter: "عرض",
  filterAll: "الكل",
  filterFailed: "خاطئ أو لم يُقرأ",
  sumValid: "صالح: {count}",
  sumCheck: "للمراجعة: {count}",
  sumFailed: "خاطئ أو لم يُقرأ: {count}",
  saveCsv: "احفظ بصيغة CSV",
  copyTable: "نسخ الجدول",
  saveXlsx: "حفظ لبرنامج Excel",
  keys: "Ctrl+O يضيف صورًا، وCtrl+C ينسخ الجدول، وCtrl+S يحفظه، وCtrl+Z يتراجع.",
  remove: "إزالة {file}",
  keep: "الاحتفاظ بهذا الجدول في علامة التبويب هذه",
  keepText:
    "يبقى عندئذٍ ما قُرئ بعد إعادة تحميل الصفحة: الأسماء والأرقام والتواريخ دون الصور. يحتفظ به المتصفح إلى أن تغلق علامة التبويب هذه أو تفرغ الجدول أو تلغي هذا الاختيار. وإذا أعدت فتح علامة التبويب المغلقة فقد يستعيد المتصفح الجدول.",
  keepFull: "لا مساحة في هذا المتصفح لهذا الجدول. لم يعد محفوظًا: احفظه في ملف.",
  keepRefused: "لا يسمح هذا المتصفح للصفحة بالاحتفاظ بشيء. احفظ الجدول في ملف بدلًا من ذلك.",
  keepBack: "احتُفظ بهذا الجدول في علامة التبويب هذه.",
};
