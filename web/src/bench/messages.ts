/** What the bench view says. */
import { translator } from "../language";
import { ar } from "./messages/ar";
import { de } from "./messages/de";
import { en, type BenchKey } from "./messages/en";
import { fr } from "./messages/fr";

export type { BenchKey };

/** The text of a key. */
export const t = translator<BenchKey>({ en, de, fr, ar });
