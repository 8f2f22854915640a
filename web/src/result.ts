/** A result, shown. */
import type { DocumentFields, Result } from "nibble";
import { at, el, outline } from "./dom";
import { language } from "./language";
import { t, type Key } from "./messages";
import { nameOfState } from "./states";

const ICONS = {
  good: "M4.5 12.5l5 5 10-11",
  warn: "M12 3.5 21.5 20h-19zM12 10v4.5M12 17.4v.1",
  bad: "M6 6l12 12M18 6 6 18",
} as const;

function verdict(result: Result): { tone: keyof typeof ICONS; title: Key; text: Key } {
  if (result.lines.length === 0) return { tone: "bad", title: "none", text: "noneText" };
  if (result.valid) return { tone: "good", title: "valid", text: "validText" };
  if (result.checks.some((check) => !check.ok)) return { tone: "bad", title: "wrong", text: "wrongText" };
  return { tone: "warn", title: "doubt", text: "doubtText" };
}

function date(iso: string | null): string {
  if (iso === null) return t("unknown");
  const day = new Date(`${iso}T00:00:00Z`);
  if (Number.isNaN(day.getTime())) return iso;
  return new Intl.DateTimeFormat(language(), { dateStyle: "long", timeZone: "UTC" }).format(day);
}

function sex(letter: string | null): string {
  if (letter === "F") return t("female");
  if (letter === "M") return t("male");
  return t("unspecified");
}

/** Today, as ISO dates compare. */
function today(): string {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

function field(key: Key, value: string | null, extra?: { wide?: boolean; warning?: string | undefined; lang?: string }): HTMLElement[] {
  if (value === null || value === "") return [];
  const dd = el("dd", { dir: "auto", "data-field": key }, value);
  if (extra?.warning !== undefined) dd.append(el("small", {}, extra.warning));
  return [el("div", extra?.wide === true ? { class: "wide" } : {}, el("dt", {}, t(key)), dd)];
}

function fields(document: DocumentFields): HTMLElement[] {
  const expired = document.expiry_date !== null && document.expiry_date < today() ? t("expired") : undefined;
  return [
    ...field("surname", document.surname, { wide: true }),
    ...field("given_names", document.given_names, { wide: true }),
    ...field("birth_date", date(document.birth_date)),
    ...field("sex", sex(document.sex)),
    ...field("document_number", document.document_number),
    ...(document.format === "FRA36" ? [] : field("expiry_date", date(document.expiry_date), { warning: expired })),
    ...field("nationality", nameOfState(document.nationality, language())),
    ...field("issuer", nameOfState(document.issuer, language())),
    ...field("format", t(document.format)),
    ...field("optional", document.optional),
  ];
}

function lines(result: Result): (Node | string)[] {
  return result.lines.flatMap((line, index) => {
    const marked = new Set(result.review.filter((r) => r.line === index).map((r) => r.pos));
    const parts = [...line].map((c, pos) => (marked.has(pos) ? el("mark", {}, c) : c));
    return index + 1 < result.lines.length ? [...parts, "\n"] : parts;
  });
}

function review(result: Result): HTMLElement[] {
  return result.review.map((item) => {
    if (item.line === null || item.pos === null) return el("li", {}, t("another_document"));
    const chosen = result.lines[item.line]?.[item.pos];
    const values = { line: item.line + 1, pos: item.pos + 1, raw: item.raw, alt: item.alt };
    return el("li", {}, t(chosen === item.alt ? "changed" : "unsure", values));
  });
}

function times(result: Result): HTMLElement[] {
  const stages = ["decode", "locate", "network", "total"] as const;
  return stages.map((stage) => {
    const ms = result.ms[stage];
    const value = new Intl.NumberFormat(language(), { maximumFractionDigits: ms < 10 ? 1 : 0 }).format(ms);
    const bar = el("progress", { max: String(result.ms.total || 1), value: String(ms), "aria-label": t(stage) });
    return el("div", { class: "row" }, el("span", {}, t(stage)), bar, el("span", { class: "value" }, `${value} ms`));
  });
}

/** Shows everything of a result but the picture itself. */
export function show(result: Result): void {
  const { tone, title, text } = verdict(result);
  at("verdict-box").className = `verdict ${tone}`;
  at("verdict-icon").setAttribute("d", ICONS[tone]);
  at("verdict").textContent = t(title);
  at("verdict-text").textContent = t(text);
  outline(at<SVGSVGElement>("overlay"), result.quads, result.width, result.height);

  const found = result.document !== null;
  for (const id of ["fields", "lines-panel", "checks-panel", "copy", "save"]) at(id).hidden = !found;
  at("fields").replaceChildren(...(result.document === null ? [] : fields(result.document)));
  at("lines").replaceChildren(...lines(result));
  at("lines").setAttribute("aria-label", t("linesTitle"));
  at("review").replaceChildren(...review(result));
  at("checks").replaceChildren(
    ...result.checks.map(({ field, ok }) =>
      el(
        "li",
        { "data-check": field, "data-ok": String(ok) },
        el("span", { class: `mark ${ok ? "ok" : "no"}`, "aria-hidden": "true" }, ok ? "✓" : "✗"),
        el("span", {}, t(field)),
        el("span", { class: `told ${ok ? "ok" : "no"}` }, t(ok ? "agrees" : "disagrees")),
      ),
    ),
  );
  at("times").replaceChildren(...times(result));
  const facts: [Key, string | null][] = [
    ["kernel", `${result.kernel} (${result.isa})`],
    ["model", `${result.model.version} · ${result.model.hash}`],
    ["digest", result.digest],
    ["gray_digest", result.gray_digest],
  ];
  at("facts").replaceChildren(
    ...facts.flatMap(([key, value]) =>
      value === null ? [] : [el("dt", {}, t(key)), el("dd", { "data-fact": key, dir: "ltr" }, value)],
    ),
  );
}
