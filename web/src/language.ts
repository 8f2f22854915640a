/** The language of the page, and catalogues of what is said in it. */

/** The languages, each by its own name. */
export const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français", ar: "العربية" } as const;

/** Languages that a catalogue must have. */
export type Language = keyof typeof LANGUAGES;

let current: Language = "en";
/** Counts choices: a language that arrives after another was chosen is not spoken. */
let choices = 0;
const listeners: (() => void)[] = [];
/** What must be there before a language is spoken. */
const loaders: ((next: Language) => Promise<void>)[] = [];

/** The language in use. */
export function language(): Language {
  return current;
}

/**
 * The language with the visitor's region where the browser tells one: en-GB writes dates unlike
 * en-US.
 */
export function locale(): string {
  return navigator.languages.find((tag) => tag.split("-")[0] === current) ?? current;
}

/**
 * The language of the address (`?lang=ar`), or the best one for the visitor from the browser's
 * preferences.
 */
export function preferred(): Language {
  const asked = new URLSearchParams(location.search).get("lang");
  const wanted = [asked ?? "", ...navigator.languages.map((tag) => tag.split("-")[0] ?? "")];
  return (wanted.find((tag) => Object.hasOwn(LANGUAGES, tag)) ?? "en") as Language;
}

/**
 * Changes the language of the whole page, and the direction it is written in; the language stays
 * where its texts cannot be fetched.
 */
export async function speak(next: Language): Promise<void> {
  const mine = ++choices;
  await Promise.all(loaders.map((load) => load(next)));
  if (mine !== choices) return;
  current = next;
  document.documentElement.lang = next;
  document.documentElement.dir = next === "ar" ? "rtl" : "ltr";
  for (const listener of listeners) listener();
}

/** Calls `listener` after each change of the language. */
export function onLanguage(listener: () => void): void {
  listeners.push(listener);
}

/** The text of a key in the language of the moment, with `{name}` replaced by values. */
export type Translate<K extends string> = (
  key: K,
  values?: Record<string, string | number>,
) => string;

/** The texts of a part of the page; a key that a language lacks is a type error. */
export function translator<K extends string>(
  catalogue: Record<Language, Record<K, string>>,
): Translate<K> {
  return (key, values = {}) => filled(catalogue[current][key], values);
}

/** The same with English at hand and each other language fetched when it is first spoken. */
export function fetchingTranslator<K extends string>(
  english: Record<K, string>,
  others: Record<Exclude<Language, "en">, () => Promise<Record<K, string>>>,
): Translate<K> {
  const catalogue: Partial<Record<Language, Record<K, string>>> = { en: english };
  loaders.push(async (next) => {
    if (next !== "en") catalogue[next] ??= await others[next]();
  });
  return (key, values = {}) => filled((catalogue[current] ?? english)[key], values);
}

function filled(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/**
 * Keeps the text of elements that carry `attribute` in the language of the moment; its value is the
 * key.
 */
export function translateMarked<K extends string>(attribute: string, t: Translate<K>): void {
  onLanguage(() => {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      element.textContent = t(element.getAttribute(attribute) as K);
    }
  });
}
