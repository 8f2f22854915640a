/** An interactive view of two filters in one lane. */
import { el } from "../dom";
import { CENTRE, bits, steps, type Operands } from "./lane";
import { t, type HowKey } from "./messages";

type Slot = [keyof Operands, 0 | 1];

/** The sliders in page order: activations from 0 to 15, weights from -7 to 7. */
const SLOTS: readonly { name: string; slot: Slot; from: number; to: number }[] = [
  { name: "x₁", slot: ["x", 0], from: 0, to: 15 },
  { name: "x₂", slot: ["x", 1], from: 0, to: 15 },
  { name: "a₁", slot: ["a", 0], from: -7, to: 7 },
  { name: "a₂", slot: ["a", 1], from: -7, to: 7 },
  { name: "b₁", slot: ["b", 0], from: -7, to: 7 },
  { name: "b₂", slot: ["b", 1], from: -7, to: 7 },
];

const signed = (value: number): string => (value < 0 ? `−${-value}` : String(value));
const times = (value: number, what: string): string =>
  `${value < 0 ? `(${signed(value)})` : value}·${what}`;

/** Draws sixteen bits; each filter's field has its own colour. */
function cells(value: number): HTMLElement {
  const text = bits(value);
  const field = (name: string, part: string) =>
    el(
      "span",
      { class: `field ${name}` },
      ...[...part].map((bit) => el("i", bit === "1" ? { class: "one" } : {}, bit)),
    );
  return el(
    "span",
    { class: "bits", "aria-label": text, role: "img" },
    field("b", text.slice(0, 8)),
    field("a", text.slice(8)),
  );
}

function row(name: string, formula: string, value: number): HTMLElement {
  return el(
    "div",
    { class: "lane" },
    el("span", { class: "lane-name" }, name),
    el("span", { class: "formula", dir: "ltr" }, formula),
    cells(value),
    el("output", { dir: "ltr" }, signed(value)),
  );
}

/** Shows one dot product from the lane, and the same computed separately. */
function dot(
  key: HowKey,
  field: "a" | "b",
  operands: Operands,
  part: number,
  correction: number,
  result: number,
): HTMLElement {
  const [w1, w2] = operands[field];
  const apart = operands.x[0] * w1 + operands.x[1] * w2;
  return el(
    "div",
    { class: `dot ${field}`, "data-dot": String(result), "data-agrees": String(apart === result) },
    el("strong", {}, t(key)),
    el(
      "span",
      { dir: "ltr" },
      `${signed(part)} + ${CENTRE}·(${signed(w1)} + ${signed(w2)}) = ${signed(part)} + ${signed(correction)} = `,
      el("b", {}, signed(result)),
    ),
    el(
      "span",
      { class: "apart", dir: "ltr" },
      `x₁${field}₁ + x₂${field}₂ = ${times(operands.x[0], signed(w1))} + ${times(operands.x[1], signed(w2))} = ${signed(apart)} ${apart === result ? "✓" : "✗"}`,
    ),
  );
}

/** This part of the view, with its state. */
export class LaneView {
  readonly element = el("section", { class: "panel topic", id: "how-lane" });
  readonly #operands: Operands = { x: [13, 4], a: [5, -3], b: [-6, 7] };
  readonly #work = el("div", { class: "lanes" });

  constructor() {
    this.build();
  }

  /** Builds the part in the current language. */
  build(): void {
    const sliders = SLOTS.map(({ name, slot: [key, index], from, to }) => {
      const shown = el("output", {}, signed(this.#operands[key][index]));
      const input = el("input", {
        type: "range",
        min: String(from),
        max: String(to),
        value: String(this.#operands[key][index]),
        "aria-label": `${name} (${t(key)})`,
      }) as HTMLInputElement;
      input.addEventListener("input", () => {
        this.#operands[key][index] = input.valueAsNumber;
        shown.textContent = signed(input.valueAsNumber);
        this.#show();
      });
      return el("label", { class: `slider ${key}` }, el("span", {}, name), input, shown);
    });
    const group = (key: keyof Operands) =>
      el(
        "fieldset",
        { class: key },
        el("legend", {}, t(key)),
        ...sliders.filter((_, index) => SLOTS[index]?.slot[0] === key),
      );
    this.element.replaceChildren(
      el("h2", {}, t("laneTitle")),
      el("p", {}, t("laneText")),
      el("div", { class: "operands" }, group("x"), group("a"), group("b")),
      this.#work,
      el("p", { class: "hint" }, t("laneEnd")),
    );
    this.#show();
  }

  #show(): void {
    const { lanes, sum, low, high, corrections, dots } = steps(this.#operands);
    const [x1, x2] = this.#operands.x;
    this.#work.replaceChildren(
      row(t("laneOne"), "a₁ + 256·b₁", lanes[0]),
      row(t("laneTwo"), "a₂ + 256·b₂", lanes[1]),
      row(t("laneSum"), `${times(x1 - CENTRE, "lane₁")} + ${times(x2 - CENTRE, "lane₂")}`, sum),
      el(
        "div",
        { class: "dots" },
        dot("dotA", "a", this.#operands, low, corrections[0], dots[0]),
        dot("dotB", "b", this.#operands, high, corrections[1], dots[1]),
      ),
    );
  }
}
