/** The texts of the how-it-works view. */
import { translator } from "../language";
import { ar } from "./messages/ar";
import { de } from "./messages/de";
import { en, type HowKey } from "./messages/en";
import { fr } from "./messages/fr";

export type { HowKey };

/** Returns the text for a key in the current language. */
export const t = translator<HowKey>({ en, de, fr, ar });
