/** The fields that are filled in while frames are read. */
import { LIVE_FIELDS, type LiveField, type Progress } from "nibble-mrz/parts";
import { at, el } from "../dom";
import { locale } from "../language";
import { t, type Key } from "../messages";
import { date } from "../words";

const LABELS: Record<LiveField, Key> = {
  name: "name",
  document_number: "document_number",
  birth_date: "birth_date",
  expiry_date: "expiry_date",
};

function words(field: LiveField, value: string): string {
  return field === "birth_date" || field === "expiry_date" ? date(value, "medium") : value;
}

/** What is shown now. Drawing it has the browser lay out the page, and fields change seldom. */
let shown = "";

/**
 * Shows the current values and marks those that have stopped changing: with a tick if a check digit
 * confirms them.
 */
export function showFields(fields: Progress["fields"]): void {
  const entries = LIVE_FIELDS.map((field) => {
    const entry = fields.get(field);
    const settled = entry?.confirmed === true ? "settled" : "steady";
    const state = entry === undefined ? "empty" : entry.settled ? settled : "moving";
    return { field, state, value: entry?.value };
  });
  const wanted = JSON.stringify([locale(), entries]);
  if (wanted === shown) return;
  shown = wanted;
  const rows = entries.map(({ field, state, value }) =>
    el(
      "div",
      { "data-live": field, "data-state": state },
      el("dt", {}, t(LABELS[field])),
      el("dd", {}, el("bdi", {}, value === undefined ? "–" : words(field, value))),
    ),
  );
  at("camera-fields").replaceChildren(...rows);
}
