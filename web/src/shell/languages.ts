/** The choice of the language. */
import { at, el } from "../dom";
import { LANGUAGES, language, preferred, speak, type Language } from "../language";

/** Speaks the visitor's language, and another when they choose it. */
export function offerLanguages(): void {
  const choose = () =>
    speak(select.value as Language).catch(() => {
      // Its texts cannot be fetched: the choice falls back to what is spoken.
      select.value = language();
    });
  const select = at<HTMLSelectElement>("language");
  select.replaceChildren(
    ...Object.entries(LANGUAGES).map(([tag, name]) =>
      el("option", { value: tag, lang: tag }, name),
    ),
  );
  select.value = preferred();
  select.addEventListener("change", choose);
  void choose();
}
