/** Shows a result. */
import type { NotValidBecause, Result } from "nibble-mrz";
import { at, el, outline } from "../dom";
import { language } from "../language";
import { t, type Key } from "../messages";
import { card, contains } from "./card";
import type { Edited } from "./edit";
import { showKey } from "./key";
import { markedLines, notes, rawLines, reviewList } from "./lines";
import { age, date, validity } from "../words";
import { VERDICTS, outcome, type Tone } from "./verdict";

const ICONS: Record<Tone, string> = {
  good: "M4.5 12.5l5 5 10-11",
  warn: "M12 3.5 21.5 20h-19zM12 10v4.5M12 17.4v.1",
  bad: "M6 6l12 12M18 6 6 18",
};

const EXPLANATIONS = {
  document_number: "checkDocument_number",
  birth_date: "checkBirth_date",
  expiry_date: "checkExpiry_date",
  optional: "checkOptional",
  registration_number: "checkRegistration_number",
  vehicle_number: "checkVehicle_number",
  first_registration: "checkFirst_registration",
  composite: "checkComposite",
} as const;

/** Why a reading is not valid, in words. */
const REASONS: Record<NotValidBecause, Key> = {
  check_digit: "whyCheckDigit",
  no_check_digit: "whyNoCheckDigit",
  overruled: "whyOverruled",
  doubtful_unprotected: "whyDoubtful",
  foreign_character: "whyForeign",
  impossible_date: "whyDate",
  cut_off: "whyCutOff",
  ambiguous_text: "whyAmbiguous",
  covered: "whyCovered",
  low_score: "whyLowScore",
};

/** Says how old the holder is today, and until when the document is valid. */
function today({ document }: Result): string {
  if (document === null) return "";
  const years = contains(document, "birth_date") ? age(document) : undefined;
  const last = document.expiry_date;
  const until = last === null ? undefined : `${t("expiry_date")}: ${date(last)}`;
  return [years, until].filter((part) => part !== undefined).join(" · ");
}

function showVerdict(result: Edited): void {
  const { tone, title, ...said } = VERDICTS[outcome(result)];
  // Of lines that a person has typed no character is uncertain; the reason follows.
  const text = result.edited === true && said.text === "doubtText" ? "editedText" : said.text;
  at("verdict-box").className = `verdict ${tone}`;
  at("verdict-icon").setAttribute("d", ICONS[tone]);
  at("verdict").textContent = t(title);
  const expired = result.document !== null && validity(result.document) === "expired";
  at("today").textContent = today(result);
  at("verdict-text").textContent = [t(text), ...(expired ? [t("expiredText")] : [])].join(" ");
  const reasons = (result.not_valid_because ?? []).map((reason) =>
    el("li", {}, t(REASONS[reason])),
  );
  at("reasons").replaceChildren(...reasons);
  at("reasons").hidden = reasons.length === 0;
}

function showLines(result: Result): void {
  at("lines").replaceChildren(...markedLines(result));
  at("lines").setAttribute("aria-label", t("linesTitle"));
  at("review").replaceChildren(...reviewList(result));
  const raw = rawLines(result);
  at("raw").hidden = raw === null;
  at("raw-lines").textContent = raw ?? "";
}

function checks(result: Result): HTMLElement[] {
  return result.checks.map(({ field, ok }) =>
    el(
      "li",
      { "data-check": field, "data-ok": String(ok) },
      el("span", { class: `mark ${ok ? "ok" : "no"}`, "aria-hidden": "true" }, ok ? "✓" : "✗"),
      el("span", {}, t(field), el("small", {}, t(EXPLANATIONS[field]))),
      el("span", { class: `told ${ok ? "ok" : "no"}` }, t(ok ? "agrees" : "disagrees")),
    ),
  );
}

function times(result: Result): HTMLElement[] {
  const stages = ["decode", "locate", "network", "total"] as const;
  return stages.map((stage) => {
    const ms = result.ms[stage];
    const value = new Intl.NumberFormat(language(), {
      maximumFractionDigits: ms < 10 ? 1 : 0,
      numberingSystem: "latn",
    }).format(ms);
    const bar = el("progress", {
      max: String(result.ms.total || 1),
      value: String(ms),
      "aria-label": t(stage),
    });
    return el(
      "div",
      { class: "row" },
      el("span", {}, t(stage)),
      bar,
      el("span", { class: "value", dir: "ltr" }, `${value} ms`),
    );
  });
}

function facts(result: Result): HTMLElement[] {
  const known: [Key, string | null][] = [
    ["frames", result.frames > 1 ? String(result.frames) : null],
    ["kernel", `${result.kernel} (${result.isa})`],
    ["model", `${result.model.version} · ${result.model.hash}`],
    ["digest", result.digest],
    ["gray_digest", result.gray_digest],
  ];
  return known.flatMap(([key, value]) =>
    value === null
      ? []
      : [el("dt", {}, t(key)), el("dd", { "data-fact": key }, el("bdi", { dir: "ltr" }, value))],
  );
}

/** Shows everything of a result except the picture. */
export function show(result: Result): void {
  showVerdict(result);
  outline(at<SVGSVGElement>("overlay"), result.quads, result.width, result.height);
  const found = result.document !== null;
  for (const id of ["fields", "lines-panel", "checks-panel", "copy", "copy-row", "save"])
    at(id).hidden = !found;
  at("share").hidden = !found || navigator.share === undefined;
  at("fields").replaceChildren(...card(result));
  showKey(result.document);
  showLines(result);
  at("checks").replaceChildren(...checks(result));
  at("notes").replaceChildren(...notes(result));
  at("times").replaceChildren(...times(result));
  at("facts").replaceChildren(...facts(result));
}
