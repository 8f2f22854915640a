/**
 * Shows one result: its main figures, two charts, the same data as a table, and ways to export it.
 */
import type uPlot from "uplot";
import { el } from "../dom";
import { language } from "../language";
import { draw, type Group } from "./charts";
import { PRECISIONS, WORKS, type Figure, type Made, type Measured, type Report } from "./measured";
import { t, type BenchKey } from "./messages";

/** A result and its origin. */
export interface Source {
  title: string;
  measured: Measured;
  /** The full report, if available: a link carries only the summary. */
  report?: Report;
}

/** Maxima of the two scales over all results on the screen. */
export interface Scales {
  ratio: number;
  gmacs: number;
}

const number = (value: number): string =>
  new Intl.NumberFormat(language(), {
    maximumSignificantDigits: 3,
    numberingSystem: "latn",
  }).format(value);

/** Returns the workloads that a result has figures for. */
function works({ figures }: Measured): (typeof WORKS)[number][] {
  return WORKS.filter((work) => figures[work] !== undefined);
}

/** Returns scales that fit the highest bars of all results. */
export function scalesOf(sources: readonly Source[]): Scales {
  const all = sources.flatMap(({ measured }) =>
    works(measured).flatMap((work) => Object.values(measured.figures[work] ?? {})),
  );
  const top = (pick: (figure: Figure) => number): number => Math.max(1, ...all.map(pick));
  return { ratio: top(({ overF32 }) => overF32), gmacs: top(({ gmacs }) => gmacs ?? 0) };
}

function groups({ figures }: Measured, pick: (figure: Figure) => number | null): Group[] {
  return works({ figures } as Measured).map((work) => {
    const entries = PRECISIONS.flatMap((width) => {
      const figure = figures[work]?.[width];
      const value = figure === undefined ? null : pick(figure);
      return value === null ? [] : [[width, value] as const];
    });
    return { name: t(work), values: Object.fromEntries(entries) };
  });
}

/** Describes the groups in words. */
function spoken(list: Group[], unit: string): string {
  const values = (group: Group) =>
    PRECISIONS.filter((width) => group.values[width] !== undefined).map(
      (width) => `${t(width)} ${number(group.values[width] ?? 0)}${unit}`,
    );
  return list.map((group) => `${group.name}: ${values(group).join(", ")}`).join("; ");
}

/** Returns the headline: what 4 bits gain, from the inner loop to what a person feels. */
function tiles({ figures, reading }: Measured): HTMLElement {
  const ratios: [BenchKey, number | undefined][] = [
    ["gainGemm", figures.gemm?.u4?.overF32],
    ["gainGemmU8", figures.gemm?.u4?.overU8],
    ["gainOcr", figures.ocr?.u4?.overF32],
    ["gainReading", reading && reading.f32 / reading.u4],
  ];
  const tile = (value: string, name: string) =>
    el("div", {}, el("dd", { dir: "ltr" }, value), el("dt", {}, name));
  return el(
    "dl",
    { class: "tiles" },
    ...ratios.flatMap(([key, value]) =>
      value === undefined ? [] : [tile(`${number(value)}×`, t(key))],
    ),
    ...(reading === undefined
      ? []
      : [tile(t("ms", { value: number(reading.u4) }), t("wholeReading"))]),
  );
}

function table(measured: Measured): HTMLElement {
  const cell = (figure: Figure | undefined) =>
    figure === undefined
      ? "–"
      : [
          `${number(figure.overF32)}×`,
          `${number(figure.overU8)}× ${t("u8")}`,
          ...(figure.gmacs === null ? [] : [`${number(figure.gmacs)} GMAC/s`]),
          ...(figure.ms === null ? [] : [t("ms", { value: number(figure.ms) })]),
        ].join(" · ");
  const head = el(
    "tr",
    {},
    el("th", { scope: "col" }, t("work")),
    ...PRECISIONS.map((width) => el("th", { scope: "col" }, t(width))),
  );
  const rows = works(measured).map((work) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, t(work)),
      ...PRECISIONS.map((width) => el("td", { dir: "ltr" }, cell(measured.figures[work]?.[width]))),
    ),
  );
  const { reading } = measured;
  if (reading !== undefined)
    rows.push(
      el(
        "tr",
        {},
        el("th", { scope: "row" }, t("wholeReading")),
        ...PRECISIONS.map((width) =>
          el(
            "td",
            { dir: "ltr" },
            `${number(reading.f32 / reading[width])}× · ${t("ms", { value: number(reading[width]) })}`,
          ),
        ),
      ),
    );
  const grid = el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
  return el(
    "details",
    {},
    el("summary", {}, t("table")),
    el(
      "div",
      { class: "wide-table", tabindex: "0", role: "region", "aria-label": t("table") },
      grid,
    ),
  );
}

function facts({ measured, report }: Source): HTMLElement {
  const kernels = PRECISIONS.flatMap((width) => {
    const found = measured.kernels[width];
    return found === undefined ? [] : [`${t(width)}: ${found.kernel} (${found.isa})`];
  });
  const wrong = (report?.verify ?? []).filter(({ exact }) => !exact).map(({ kernel }) => kernel);
  const entries: [string, ...string[]][] = [
    [t("device"), measured.device],
    ...(measured.made === undefined
      ? []
      : [[t("made"), madeOf(measured.made)] as [string, string]]),
    [t("kernels"), ...kernels],
    ...(report?.verify === undefined
      ? []
      : [
          [
            t("exact"),
            wrong.length > 0
              ? t("exactNot", { kernels: wrong.join(", ") })
              : t("exactAll", { count: report.verify.length }),
          ] as [string, string],
        ]),
    ...(report?.clock_step_ms === undefined
      ? []
      : [[t("clock"), t("ms", { value: number(report.clock_step_ms) })] as [string, string]]),
  ];
  return el(
    "dl",
    { class: "facts" },
    ...entries.flatMap(([name, ...values]) => [
      el("dt", {}, name),
      el("dd", { dir: "ltr" }, ...values.map((value) => el("div", {}, value))),
    ]),
  );
}

/** Returns when and with what a result was measured, in a line. */
export function madeOf({ date, version, commit }: Made): string {
  return `${date} · nibble-mrz ${version} · ${commit}`;
}

/** Builds the legend. */
function legend(): HTMLElement {
  return el(
    "p",
    { class: "legend", "aria-hidden": "true" },
    ...PRECISIONS.map((width) => el("span", { class: `key-${width}` }, t(width))),
  );
}

/** A result on the screen, with its charts for export. */
export interface Shown {
  element: HTMLElement;
  /** Draws the charts. Call it once the element is in the document. */
  draw(): uPlot[];
}

/** Builds the element of a result; `actions` are the buttons below it. */
export function showSource(source: Source, scales: Scales, actions: HTMLElement[]): Shown {
  const { measured } = source;
  const ratios = groups(measured, ({ overF32 }) => overF32);
  const absolute = groups(measured, ({ gmacs }) => gmacs);
  const places = [
    { title: t("ratios"), groups: ratios, top: scales.ratio, unit: "×" },
    { title: t("absolute"), groups: absolute, top: scales.gmacs, unit: "" },
  ]
    // Of some results only ratios are known.
    .filter((chart) => chart.groups.some(({ values }) => Object.keys(values).length > 0))
    .map((chart) => ({ ...chart, place: el("div", { class: "chart" }) }));
  const element = el(
    "section",
    { class: "panel source" },
    el("h2", {}, source.title),
    tiles(measured),
    ...(measured.noisy ? [el("p", { class: "notice" }, t("noisy"))] : []),
    legend(),
    el(
      "div",
      { class: "charts" },
      ...places.map(({ title, place }) => el("figure", {}, el("figcaption", {}, title), place)),
    ),
    table(measured),
    facts(source),
    el("div", { class: "actions" }, ...actions),
  );
  return {
    element,
    draw: () =>
      places.map(({ place, title, ...chart }) =>
        draw(place, {
          ...chart,
          label: t("chart", { title, list: spoken(chart.groups, chart.unit) }),
        }),
      ),
  };
}
