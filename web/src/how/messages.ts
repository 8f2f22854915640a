/** What the how-it-works view says. */
import { translator } from "../language";
import { ar } from "./messages/ar";
import { de } from "./messages/de";
import { en, type HowKey } from "./messages/en";
import { fr } from "./messages/fr";

export type { HowKey };

/** The text of a key. */
export const t = translator<HowKey>({ en, de, fr, ar });
