/** The choice of the language. */
import { at } from "../dom";
import { preferred, speak, type Language } from "../language";

/** Speaks the visitor's language, and another when they choose it. */
export function offerLanguages(): void {
  const select = at<HTMLSelectElement>("language");
  select.value = preferred();
  select.addEventListener("change", () => speak(select.value as Language));
  speak(select.value as Language);
}
