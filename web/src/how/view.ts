/**
 * The how-it-works view: interactive 4-bit arithmetic on the reader's own weights and the visitor's
 * own picture.
 */
import { el } from "../dom";
import { models } from "../files";
import { onLanguage } from "../language";
import type { View } from "../view";
import "../shell/views.css";
import "./how.css";
import { LaneView } from "./laneview";
import { MapsView } from "./mapsview";
import { t } from "./messages";
import { weightsOf } from "./quantise";
import { WeightsView } from "./weightsview";

/** Builds the view. The weights are those of the float model. */
export async function open(root: HTMLElement): Promise<View> {
  const response = await fetch(models().f32);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const layers = weightsOf(await response.arrayBuffer());
  const title = el("h1", {});
  const lead = el("p", { class: "lead" });
  const parts = [new LaneView(), new WeightsView(layers), new MapsView()] as const;
  const ownTitle = el("h2", {});
  const ownText = el("p", {});
  const ownLink = el("a", { href: "./examples/digits/index.html", hreflang: "en" });
  const codesLink = el("a", { href: "./examples/codes/index.html", hreflang: "en" });
  const say = () => {
    title.textContent = t("title");
    lead.textContent = t("lead");
    ownTitle.textContent = t("ownTitle");
    ownText.textContent = t("ownText");
    ownLink.textContent = t("ownLink");
    codesLink.textContent = t("codesLink");
  };
  say();
  onLanguage(() => {
    say();
    for (const part of parts) part.build();
  });
  root.replaceChildren(
    el(
      "div",
      { class: "how" },
      el("header", { class: "intro" }, title, lead),
      ...parts.map(({ element }) => element),
      el(
        "section",
        { class: "panel topic", id: "how-own" },
        ownTitle,
        ownText,
        el("p", {}, ownLink),
        el("p", {}, codesLink),
      ),
    ),
  );
  return { enter: () => void parts[2].refresh() };
}
