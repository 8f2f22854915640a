/** The texts of the reading view in each of the page's languages. */
import { fetchingTranslator, translateMarked } from "./language";
import { en, type Key } from "./messages/en";

export type { Key };

/** Returns the text for a key in the current language. */
export const t = fetchingTranslator<Key>(en, {
  de: async () => (await import("./messages/de")).de,
  fr: async () => (await import("./messages/fr")).fr,
  ar: async () => (await import("./messages/ar")).ar,
});

translateMarked("data-t", t);
