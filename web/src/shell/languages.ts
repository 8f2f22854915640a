/** The choice of the language. */
import { at, el } from "../dom";
import { LANGUAGES, preferred, speak, type Language } from "../language";

/** Speaks the visitor's language, and another when they choose it. */
export function offerLanguages(): void {
  const select = at<HTMLSelectElement>("language");
  select.replaceChildren(...Object.entries(LANGUAGES).map(([tag, name]) => el("option", { value: tag, lang: tag }, name)));
  select.value = preferred();
  select.addEventListener("change", () => speak(select.value as Language));
  speak(select.value as Language);
}
