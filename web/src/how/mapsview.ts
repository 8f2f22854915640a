/** Shows the output of a layer for a line of the visitor's own picture, at the three precisions. */
import { NibbleError, decodeByBrowser, isForeign } from "nibble-mrz";
import { el } from "../dom";
import { models, packageOptions } from "../files";
import { lastRead } from "../last";
import { quietly } from "../quiet";
import { SAMPLES } from "../samples";
import { t } from "./messages";
import { PRECISIONS, type Answer, type Look, type Question } from "./protocol";
import HowWorker from "./worker?worker&inline";

/** Rows of a strip. */
const ROWS = 24;

/** Draws `width` x `height` gray levels, row by row. */
function paint(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  level: (index: number) => number,
): void {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) return;
  const pixels = context.createImageData(width, height);
  for (let index = 0; index < width * height; index++) {
    pixels.data.fill(level(index), 4 * index, 4 * index + 3);
    pixels.data[4 * index + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}

/** Has a picture followed, by way of the browser's decoder where the engine lacks one. */
async function followed(file: Blob): Promise<Look> {
  try {
    return await follow(file);
  } catch (thrown) {
    const prepared = isForeign(thrown) ? await decodeByBrowser(file) : null;
    if (prepared === null) throw thrown;
    return follow(prepared.pixels);
  }
}

async function follow(source: Blob | ImageData): Promise<Look> {
  const worker = new HowWorker();
  try {
    const answer = await new Promise<Answer>((resolve, reject) => {
      worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => resolve(data));
      worker.addEventListener("error", ({ message }) => reject(new Error(message)));
      const question: Question = { options: packageOptions(), models: models(), source };
      worker.postMessage(question);
    });
    if ("error" in answer)
      throw answer.code === undefined
        ? new Error(answer.error)
        : new NibbleError(answer.code, answer.error);
    return answer.look;
  } finally {
    worker.terminate();
  }
}

async function sample(): Promise<Blob> {
  const response = await fetch(SAMPLES[0]?.address ?? "");
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.blob();
}

/** This part of the view, with its state. */
export class MapsView {
  readonly element = el("section", { class: "panel topic", id: "how-maps" });
  readonly #strip = el("canvas", { class: "strip", role: "img" }) as HTMLCanvasElement;
  readonly #canvases = PRECISIONS.map(
    () => el("canvas", { class: "map", role: "img" }) as HTMLCanvasElement,
  );
  readonly #status = el("p", { class: "hint", role: "status" });
  #shownFile: Blob | undefined;
  #look: Look | undefined;
  #layer = 0;
  #channel = 0;

  constructor() {
    this.build();
  }

  /** Processes the last picture read, or a specimen, unless it is shown already. */
  async refresh(): Promise<void> {
    const own = lastRead();
    if (this.#look !== undefined && own === this.#shownFile) return;
    this.#shownFile = own;
    this.#status.textContent = t("following");
    try {
      const file = own ?? (await sample());
      this.#look = await quietly(() => followed(file));
      this.build();
    } catch (thrown) {
      this.#status.textContent = t("failed", { message: String(thrown) });
    }
  }

  /** Builds the part in the current language. */
  build(): void {
    const layers = el(
      "select",
      { "aria-label": t("layer") },
      ...(this.#look?.maps.u4 ?? []).map(({ rows, columns, channels }, index) =>
        el("option", { value: String(index) }, `conv${index}: ${channels} × ${rows} × ${columns}`),
      ),
    ) as HTMLSelectElement;
    const channel = el("input", {
      type: "range",
      min: "0",
      value: String(this.#channel),
      "aria-label": t("channel"),
    }) as HTMLInputElement;
    const shown = el("output", {});
    const update = () => {
      channel.max = String((this.#look?.maps.u4[this.#layer]?.channels ?? 1) - 1);
      this.#channel = channel.valueAsNumber;
      shown.textContent = String(this.#channel);
      this.#show();
    };
    layers.value = String(this.#layer);
    layers.addEventListener("change", () => {
      this.#layer = Number(layers.value);
      update();
    });
    channel.addEventListener("input", update);
    this.element.replaceChildren(
      el("h2", {}, t("mapsTitle")),
      el("p", {}, t("mapsText")),
      this.#status,
      el(
        "div",
        { class: "maps", ...(this.#look === undefined ? { hidden: "" } : {}) },
        el(
          "div",
          { class: "controls" },
          el("label", {}, el("span", {}, t("layer")), layers),
          el("label", { class: "slider" }, el("span", {}, t("channel")), channel, shown),
        ),
        el("figure", {}, this.#strip, el("figcaption", { dir: "ltr" }, this.#look?.text ?? "")),
        ...PRECISIONS.map((precision, index) =>
          el("figure", {}, this.#canvases[index] ?? "", el("figcaption", {}, t(precision))),
        ),
      ),
      el("p", { class: "hint" }, t("mapsEnd")),
    );
    this.#status.textContent =
      this.#look === undefined ? "" : t(this.#shownFile === undefined ? "ofSpecimen" : "ofYours");
    update();
  }

  #show(): void {
    if (this.#look === undefined) return;
    const { strip, maps } = this.#look;
    this.#strip.setAttribute("aria-label", t("stripAlt"));
    paint(this.#strip, strip.length / ROWS, ROWS, (index) => strip[index] ?? 0);
    PRECISIONS.forEach((precision, index) => {
      const map = maps[precision][this.#layer];
      const canvas = this.#canvases[index];
      if (map === undefined || canvas === undefined) return;
      const { rows, columns, channels, values } = map;
      const of = (pixel: number) => values[pixel * channels + this.#channel] ?? 0;
      let most = 0;
      for (let pixel = 0; pixel < rows * columns; pixel++) most = Math.max(most, of(pixel));
      // A channel without any output stays black instead of showing noise.
      const scale = most > 0 ? 255 / most : 0;
      paint(canvas, columns, rows, (pixel) => of(pixel) * scale);
      canvas.setAttribute(
        "aria-label",
        t("mapAlt", { layer: this.#layer, channel: this.#channel, precision: t(precision) }),
      );
    });
  }
}
