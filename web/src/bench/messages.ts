/** The texts of the bench view. */
import { translator } from "../language";
import { ar } from "./messages/ar";
import { de } from "./messages/de";
import { en, type BenchKey } from "./messages/en";
import { fr } from "./messages/fr";

export type { BenchKey };

/** Returns the text for a key in the current language. */
export const t = translator<BenchKey>({ en, de, fr, ar });
