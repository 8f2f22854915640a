/** The texts around the views. */
import { fetchingTranslator, translateMarked } from "../language";
import { en, type ShellKey } from "./messages/en";

export type { ShellKey };

/** Returns the text for a key in the current language. */
export const t = fetchingTranslator<ShellKey>(en, {
  de: async () => (await import("./messages/de")).de,
  fr: async () => (await import("./messages/fr")).fr,
  ar: async () => (await import("./messages/ar")).ar,
});

translateMarked("data-shell", t);
