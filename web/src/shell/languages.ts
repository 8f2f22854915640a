/** The choice of the language. */
import { at } from "../dom";
import { language, preferred, speak, type Language } from "../language";

/** Shows the page in the visitor's language, and in another when they choose it. */
export function offerLanguages(): void {
  const choose = () =>
    speak(select.value as Language).catch(() => {
      // If the texts could not be fetched, the choice returns to the current language.
      select.value = language();
    });
  /** Keeps the choice in the address, where it survives a reload and nothing is stored. */
  const keep = async () => {
    await choose();
    const address = new URL(location.href);
    address.searchParams.set("lang", language());
    history.replaceState(history.state, "", address);
  };
  const select = at<HTMLSelectElement>("language");
  select.value = preferred();
  select.addEventListener("change", () => void keep());
  void choose();
}
