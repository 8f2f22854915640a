/** Bar charts with grouped bars, drawn by uPlot. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { language } from "../language";
import { PRECISIONS, type Width } from "./measured";

/** One group of bars: a name, and a value for each precision. */
export interface Group {
  name: string;
  values: Partial<Record<Width, number>>;
}

export interface Chart {
  groups: Group[];
  /** Maximum of the scale, shared by charts that stand side by side. */
  top: number;
  /** Unit printed after a value, such as `×`. */
  unit: string;
  /** Description of the chart for people who cannot see it. */
  label: string;
}

const HEIGHT = 215;
/** Width of a chart, in CSS pixels, below which values stand upright. */
const NARROW = 520;
/** Slots on the axis per group: one for each bar and one for the gap. */
const PLACES = PRECISIONS.length + 1;

const color = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();
/** Canvas text needs the computed font family. */
const font = (size: number, weight = 400): string =>
  `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;

function format(value: number): string {
  return new Intl.NumberFormat(language(), {
    maximumFractionDigits: value < 10 ? 2 : 0,
    numberingSystem: "latn",
  }).format(value);
}

/** Writes each bar's value above it. */
function labels(unit: string): uPlot.Plugin {
  return {
    hooks: {
      draw: ({ ctx, data, valToPos }) => {
        ctx.save();
        ctx.font = font(12 * devicePixelRatio, 600);
        ctx.fillStyle = color("--ink");
        const texts = data.slice(1).flatMap((series) =>
          [...series].flatMap((value, index) => {
            const place = data[0][index];
            if (value == null || place === undefined) return [];
            const at = { x: valToPos(place, "x", true), y: valToPos(value, "y", true) };
            return [{ text: format(value) + unit, ...at }];
          }),
        );
        // Where bars are narrower than their values, these stand upright.
        const room = Math.abs(valToPos(1, "x", true) - valToPos(0, "x", true));
        const upright = texts.some(({ text }) => ctx.measureText(text).width > room);
        for (const { text, x, y } of texts) {
          ctx.save();
          ctx.translate(x, y - 6 * devicePixelRatio);
          if (upright) ctx.rotate(-Math.PI / 2);
          ctx.textAlign = upright ? "left" : "center";
          ctx.textBaseline = upright ? "middle" : "alphabetic";
          ctx.fillText(text, 0, 0);
          ctx.restore();
        }
        ctx.restore();
      },
    },
  };
}

/** Draws a chart that follows the width of its container until the container is removed. */
export function draw(place: HTMLElement, { groups, top, unit, label }: Chart): uPlot {
  const places = groups.flatMap((_, group) =>
    PRECISIONS.map((_width, bar) => group * PLACES + bar),
  );
  const bars = PRECISIONS.map((width, series) =>
    groups.flatMap(({ values }) =>
      PRECISIONS.map((_, bar) => (bar === series ? (values[width] ?? null) : null)),
    ),
  );
  const middle = (PRECISIONS.length - 1) / 2;
  const narrow = place.clientWidth < NARROW;
  const soft = color("--soft");
  const options: uPlot.Options = {
    width: Math.max(200, place.clientWidth),
    height: HEIGHT,
    padding: [16, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: [-1, groups.length * PLACES - 1] },
      // Room above the highest bar for its value, which may stand upright.
      y: { range: [0, top * (narrow ? 1.3 : 1.08)] },
    },
    axes: [
      {
        splits: groups.map((_, group) => group * PLACES + middle),
        // A narrow chart has no room for names of two words in one line.
        values: groups.map(({ name }) => (narrow ? name.replaceAll(" ", "\n") : name)),
        stroke: soft,
        font: font(12),
        grid: { show: false },
        ticks: { show: false },
        gap: 8,
        size: narrow ? 46 : 30,
      },
      {
        stroke: soft,
        font: font(11),
        size: 34,
        grid: { stroke: color("--line"), width: 1 },
        ticks: { show: false },
        values: (_, splits) => splits.map(format),
      },
    ],
    series: [
      {},
      ...PRECISIONS.map((width) => ({
        label: width,
        fill: color(`--bar-${width}`),
        width: 0,
        points: { show: false },
        paths: uPlot.paths.bars!({ size: [0.86, 80], radius: 0.12 }),
      })),
    ],
    plugins: [labels(unit)],
  };
  place.replaceChildren();
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", label);
  const plot = new uPlot(options, [places, ...bars] as uPlot.AlignedData, place);
  new ResizeObserver(([entry], observer) => {
    if (!place.isConnected) return observer.disconnect();
    const width = Math.floor(entry?.contentRect.width ?? 0);
    if (width > 0 && width !== plot.width) plot.setSize({ width, height: HEIGHT });
  }).observe(place);
  return plot;
}
