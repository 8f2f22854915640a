/** The choice of the language. */
import { at, el } from "../dom";
import { LANGUAGES, language, preferred, speak, type Language } from "../language";

/** Shows the page in the visitor's language, and in another when they choose it. */
export function offerLanguages(): void {
  const choose = () =>
    speak(select.value as Language).catch(() => {
      // If the texts could not be fetched, the choice returns to the current language.
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
