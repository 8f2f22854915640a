/** Says what a person waits for: the reading, or parts of the page that still arrive. */
import type { Progress } from "nibble-mrz";
import { at } from "../dom";
import { locale, onLanguage } from "../language";
import { t } from "../messages";

/** Bytes of the engine and the network that have arrived. */
let loaded = 0;
/** Whether the engine can read. */
let ready = false;

function say(): void {
  const kilobytes = new Intl.NumberFormat(locale(), { numberingSystem: "latn" }).format(
    Math.round(loaded / 1000),
  );
  const waiting = loaded === 0 ? t("loading") : t("downloading", { kilobytes });
  at("busy-text").textContent = ready ? t("reading") : waiting;
  at("busy-cancel").hidden = ready;
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

onLanguage(say);
