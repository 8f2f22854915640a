/** The texts around the views, in Arabic. */
import type { ShellKey } from "./en";

export const ar: Record<ShellKey, string> = {
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
