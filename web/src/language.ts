/** The language of the page, and catalogues of what is said in it. */

/** Languages that a catalogue must have. */
export type Language = "en" | "de" | "fr";

const LANGUAGES: readonly Language[] = ["en", "de", "fr"];

let current: Language = "en";
const listeners: (() => void)[] = [];

/** The language in use. */
export function language(): Language {
  return current;
}

/** The best language for the visitor, from the browser's preferences. */
export function preferred(): Language {
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2));
  return wanted.flatMap((tag) => LANGUAGES.filter((known) => known === tag))[0] ?? "en";
}

/** Changes the language of the whole page. */
export function speak(next: Language): void {
  current = next;
  document.documentElement.lang = next;
  for (const listener of listeners) listener();
}

/** Calls `listener` after each change of the language. */
export function onLanguage(listener: () => void): void {
  listeners.push(listener);
}

/** The text of a key in the language of the moment, with `{name}` replaced by values. */
export type Translate<K extends string> = (key: K, values?: Record<string, string | number>) => string;

/** The texts of a part of the page; a key that a language lacks is a type error. */
export function translator<K extends string>(catalogue: Record<Language, Record<K, string>>): Translate<K> {
  return (key, values = {}) =>
    catalogue[current][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** Keeps the text of elements that carry `attribute` in the language of the moment; its value is the key. */
export function translateMarked<K extends string>(attribute: string, t: Translate<K>): void {
  onLanguage(() => {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      element.textContent = t(element.getAttribute(attribute) as K);
    }
  });
}
