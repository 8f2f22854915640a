/** Builds the table's part of the page, which is there once several pictures are read. */
import { at, el } from "../dom";
import { t, type Key } from "../messages";
import { t as tt, type TableKey } from "./messages";
import "./table.css";

/** An element with a text that follows the language. */
const said = (tag: string, key: TableKey, attributes: Record<string, string> = {}): HTMLElement =>
  el(tag, { ...attributes, "data-table": key }, tt(key));

/** The same for texts that the rest of the page has too. */
const common = (tag: string, key: Key, attributes: Record<string, string> = {}): HTMLElement =>
  el(tag, { ...attributes, "data-t": key }, t(key));

const HIDDEN = { type: "button", class: "secondary", hidden: "" };

function head(): HTMLElement[] {
  const buttons = [
    common("button", "file", { type: "button" }),
    said("button", "outcome", { type: "button" }),
    ...(["name", "document_number", "birth_date", "expiry_date", "nationality"] as const).map(
      (key) => common("button", key, { type: "button" }),
    ),
  ];
  return [...buttons.map((button) => el("th", { scope: "col" }, button)), el("td")];
}

function filter(): HTMLElement {
  const select = el(
    "select",
    { id: "batch-filter" },
    said("option", "filterAll", { value: "all" }),
    common("option", "rowValid", { value: "good" }),
    common("option", "rowDoubt", { value: "warn" }),
    said("option", "filterFailed", { value: "bad" }),
    said("option", "filterUnopened", { value: "unopened" }),
  );
  return el("label", {}, said("span", "filter"), " ", select);
}

/** Fills `#batch`. */
export function build(): void {
  at("batch").setAttribute("aria-labelledby", "batch-title");
  at("batch").replaceChildren(
    said("h1", "batchTitle", { id: "batch-title", tabindex: "-1" }),
    el("progress", { id: "batch-progress" }),
    el("p", { id: "batch-said", class: "hint", role: "status" }),
    said("p", "keys", { class: "hint keys" }),
    el("div", { class: "tools" }, el("p", { id: "batch-sums" }), filter()),
    el(
      "div",
      { class: "scroll", role: "group", "aria-labelledby": "batch-title", tabindex: "0" },
      el("table", {}, el("thead", {}, el("tr", {}, ...head())), el("tbody", { id: "batch-rows" })),
    ),
    el(
      "div",
      { class: "keep" },
      el(
        "label",
        { class: "check" },
        el("input", { id: "batch-keep", type: "checkbox", "aria-describedby": "batch-keep-text" }),
        said("span", "keep"),
      ),
      said("p", "keepText", { id: "batch-keep-text", class: "hint" }),
      el("p", { id: "batch-keep-said", class: "hint", role: "status" }),
    ),
    el(
      "div",
      { class: "actions bar" },
      said("button", "stop", { ...HIDDEN, id: "batch-stop" }),
      said("button", "resume", { ...HIDDEN, id: "batch-resume" }),
      said("button", "saveXlsx", { ...HIDDEN, class: "primary", id: "batch-xlsx" }),
      said("button", "saveCsv", { ...HIDDEN, id: "batch-csv" }),
      said("button", "copyTable", { ...HIDDEN, id: "batch-copy" }),
      common("button", "undo", { ...HIDDEN, id: "batch-undo" }),
      common("button", "another", { type: "button", class: "secondary again", id: "batch-again" }),
      said("button", "clearTable", { ...HIDDEN, id: "batch-clear" }),
    ),
  );
}
