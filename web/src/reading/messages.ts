/** The texts of the table, which are loaded with it. */
import { translateMarked, translator } from "../language";
import { ar } from "./messages/ar";
import { de } from "./messages/de";
import { en, type TableKey } from "./messages/en";
import { fr } from "./messages/fr";

export type { TableKey };

/** Returns the text for a key in the current language. */
export const t = translator<TableKey>({ en, de, fr, ar });

translateMarked("data-table", t);
