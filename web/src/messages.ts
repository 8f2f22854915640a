/** What the reading view says, in each of the page's languages. */
import { translateMarked, translator } from "./language";
import { ar } from "./messages/ar";
import { de } from "./messages/de";
import { en, type Key } from "./messages/en";
import { fr } from "./messages/fr";

export type { Key };

/** The text of a key. */
export const t = translator<Key>({ en, de, fr, ar });

translateMarked("data-t", t);
