/** Names of states, from the three-letter codes of ICAO Doc 9303, part 3. */
import { nameOfRegion } from "nibble-mrz/fields";
import { language } from "./language";
import { t, type Key } from "./messages";

/** ICAO codes that are not states, with keys of the page's texts. */
const PERSONS: Record<string, Key> = {
  XXA: "stateless",
  XXB: "refugee",
  XXC: "refugeeOther",
  XXX: "unspecifiedState",
  GBD: "GBD",
  GBN: "GBN",
  GBO: "GBO",
  GBP: "GBP",
  GBS: "GBS",
  UTO: "UTO",
};

function name(code: string): string | undefined {
  const own = PERSONS[code];
  return own === undefined ? nameOfRegion(code, language()) : t(own);
}

/**
 * Returns the name in the page's language followed by the code, or the code alone if it is unknown.
 */
export function nameOfState(code: string): string {
  const known = name(code);
  return known === undefined ? code : `${known} (${code})`;
}
