/** Says what a person waits for: the reading, or parts of the page that still arrive. */
import type { Progress } from "nibble-mrz";
import { at } from "../dom";
import { locale, onLanguage } from "../language";
import { t } from "../messages";

/** Bytes of the engine and the network that have arrived. */
let loaded = 0;
/** Whether the engine can read. */
let ready = false;
/** What is said of pages that are drawn, while they are. */
let pages: (() => string) | undefined;

function say(): void {
  const kilobytes = new Intl.NumberFormat(locale(), { numberingSystem: "latn" }).format(
    Math.round(loaded / 1000),
  );
  const waiting = loaded === 0 ? t("loading") : t("downloading", { kilobytes });
  at("busy-text").textContent = pages?.() ?? (ready ? t("reading") : waiting);
  at("busy-cancel").hidden = ready && pages === undefined;
}

/** Receives how much has arrived. */
export function arrived(progress: Progress): void {
  loaded = progress.loaded;
  say();
}

/** Says whether the engine can read now, or has to be loaded first. */
export function setReady(value: boolean): void {
  ready = value;
  say();
}

/** Says how far the drawing of pages is; nothing once they are drawn. */
export function setPages(words: (() => string) | undefined): void {
  pages = words;
  say();
  // A table that the pages join stays on the screen.
  const said = at("drop-said");
  if (words !== undefined && !at("batch").hidden) said.dataset["of"] = "pages";
  if (said.dataset["of"] !== "pages") return;
  said.textContent = words?.() ?? "";
  if (words === undefined) delete said.dataset["of"];
}

onLanguage(say);
