/** Shows the weights of a real layer and their quantised values. */
import { el } from "../dom";
import { language } from "../language";
import { t } from "./messages";
import { bestStep, histogram, largest, quantise, type Weights } from "./quantise";

const BINS = 121;
const WIDTH = 600;
const HEIGHT = 200;
/** Slider positions to either side of the best step; one is a twelfth of an octave. */
const REACH = 24;

function svg(tag: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

const number = (value: number, digits = 1): string =>
  new Intl.NumberFormat(language(), {
    maximumFractionDigits: digits,
    numberingSystem: "latn",
  }).format(value);

/** This part of the view, with its state. */
export class WeightsView {
  readonly element = el("section", { class: "panel topic", id: "how-weights" });
  readonly #layers: readonly Weights[];
  readonly #plot = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: "histogram",
    role: "img",
  });
  readonly #facts = el("dl", { class: "tiles" });
  readonly #bitsShown = el("output", {});
  readonly #stepShown = el("output", {});
  #layer = 1;
  #bits = 4;
  /** Distance from the best step, in twelfths of an octave. */
  #offset = 0;

  constructor(layers: readonly Weights[]) {
    this.#layers = layers;
    this.build();
  }

  /** Builds the part in the current language. */
  build(): void {
    const layer = el(
      "select",
      { "aria-label": t("layer") },
      ...this.#layers.map(({ name, values }, index) =>
        el("option", { value: String(index) }, `${name} (${number(values.length)})`),
      ),
    ) as HTMLSelectElement;
    layer.value = String(this.#layer);
    layer.addEventListener("change", () => this.#set({ layer: Number(layer.value), offset: 0 }));
    const range = (
      name: string,
      from: number,
      to: number,
      value: number,
      change: (value: number) => void,
    ) => {
      const input = el("input", {
        type: "range",
        min: String(from),
        max: String(to),
        value: String(value),
        "aria-label": name,
      }) as HTMLInputElement;
      input.addEventListener("input", () => change(input.valueAsNumber));
      return input;
    };
    const bits = range(t("bits"), 2, 8, this.#bits, (value) => this.#set({ bits: value }));
    const step = range(t("step"), -REACH, REACH, this.#offset, (value) =>
      this.#set({ offset: value }),
    );
    const best = el("button", { type: "button", class: "secondary small" }, t("best"));
    best.addEventListener("click", () => {
      step.value = "0";
      this.#set({ offset: 0 });
    });
    layer.addEventListener("change", () => (step.value = "0"));
    this.element.replaceChildren(
      el("h2", {}, t("weightsTitle")),
      el("p", {}, t("weightsText")),
      el(
        "div",
        { class: "controls" },
        el("label", {}, el("span", {}, t("layer")), layer),
        el("label", { class: "slider" }, el("span", {}, t("bits")), bits, this.#bitsShown),
        el("label", { class: "slider" }, el("span", {}, t("step")), step, this.#stepShown),
        best,
      ),
      this.#plot,
      this.#facts,
      el("p", { class: "hint" }, t("weightsEnd")),
    );
    this.#show();
  }

  #set({ layer = this.#layer, bits = this.#bits, offset = this.#offset }): void {
    [this.#layer, this.#bits, this.#offset] = [layer, bits, offset];
    this.#show();
  }

  #show(): void {
    const values = this.#layers[this.#layer]?.values ?? new Float32Array(1);
    const step = bestStep(values, this.#bits) * 2 ** (this.#offset / 12);
    const found = quantise(values, this.#bits, step);
    const used = found.counts.filter((count) => count > 0).length;
    this.#bitsShown.textContent = String(this.#bits);
    this.#stepShown.textContent = number(step, 4);
    this.#draw(values, step, found.counts);
    const tile = (value: string, name: string) =>
      el("div", {}, el("dd", { dir: "ltr" }, value), el("dt", {}, name));
    const bytes = (values.length * this.#bits) / 8;
    this.#facts.replaceChildren(
      tile(`${used} / ${found.counts.length}`, t("used")),
      tile(`${number(found.decibels)} dB`, t("signal")),
      tile(`${number(found.clipped * 100)} %`, t("clipped")),
      tile(`${number(bytes / 1024)} KiB`, t("size", { float: number((values.length * 4) / 1024) })),
    );
    this.#plot.setAttribute(
      "aria-label",
      t("histogram", { bits: this.#bits, used, decibels: number(found.decibels) }),
    );
  }

  /**
   * Draws the weights as bars and their codes as stems. A stem is as high as a bin would be if its
   * weights were spread over the width of a code.
   */
  #draw(values: Float32Array, step: number, counts: readonly number[]): void {
    const reach = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) * 1.02;
    const bars = histogram(values, reach, BINS);
    const perCode = (2 * reach) / BINS / step;
    const top = Math.max(...bars);
    const x = (value: number) => ((value + reach) / (2 * reach)) * WIDTH;
    const y = (count: number) => HEIGHT - 8 - Math.min(1, count / top) * (HEIGHT - 20);
    const code = largest(this.#bits);
    const isDense = counts.length > BINS / 2;
    this.#plot.replaceChildren(
      ...bars.map((count, bin) =>
        svg("rect", {
          x: (bin / BINS) * WIDTH,
          width: WIDTH / BINS - 0.6,
          y: y(count),
          height: HEIGHT - 8 - y(count),
        }),
      ),
      ...counts.flatMap((count, index) => {
        const at = x((index - code) * step);
        if (at < 0 || at > WIDTH) return [];
        const height = y(count * perCode);
        return [
          svg("line", {
            x1: at,
            x2: at,
            y1: HEIGHT - 8,
            y2: height,
            class: isDense ? "stem dense" : "stem",
          }),
          ...(isDense ? [] : [svg("circle", { cx: at, cy: height, r: 3.5 })]),
        ];
      }),
      svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT - 8, y2: HEIGHT - 8, class: "axis" }),
    );
  }
}
