/** The page's language and the catalogues of its texts. */

/** The languages, in the order of the choice in index.html, which has their names. */
export const LANGUAGES = ["en", "de", "fr", "ar"] as const;

/** A language that every catalogue must have. */
export type Language = (typeof LANGUAGES)[number];

let current: Language = "en";
/** Counts choices: texts that arrive after a later choice are not shown. */
let choices = 0;
const listeners: (() => void)[] = [];
/** Functions that load a language's texts. */
const loaders: ((next: Language) => Promise<void>)[] = [];

/** Returns the language in use. */
export function language(): Language {
  return current;
}

/**
 * Returns the language with the visitor's region if the browser reveals it: dates in en-GB differ
 * from those in en-US.
 */
export function locale(): string {
  return navigator.languages.find((tag) => tag.split("-")[0] === current) ?? current;
}

/**
 * Returns the language in the address (`?lang=ar`), or the best match for the browser's
 * preferences.
 */
export function preferred(): Language {
  const asked = new URLSearchParams(location.search).get("lang");
  const wanted = [asked, ...navigator.languages.map((tag) => tag.split("-")[0])] as Language[];
  return wanted.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

/**
 * Changes the language and the writing direction of the whole page. If the texts cannot be fetched,
 * the language stays.
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

/** Returns the text for a key in the current language, with each `{name}` replaced by its value. */
export type Translate<K extends string> = (
  key: K,
  values?: Record<string, string | number>,
) => string;

/**
 * Makes the function that returns the texts of a part of the page. A missing translation is a type
 * error.
 */
export function translator<K extends string>(
  catalogue: Record<Language, Record<K, string>>,
): Translate<K> {
  return (key, values = {}) => filled(catalogue[current][key], values);
}

/** Like `translator`, but only English is included; other languages are fetched at first use. */
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
 * Sets the text of every element that has `attribute`, now and whenever the language changes. The
 * attribute's value is the key.
 */
export function translateMarked<K extends string>(attribute: string, t: Translate<K>): void {
  onLanguage(() => {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      element.textContent = t(element.getAttribute(attribute) as K);
    }
  });
}
