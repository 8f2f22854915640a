/**
 * Compares this browser's results bit for bit with those of the machine that wrote digests.json
 * (`cargo xtask digests`).
 */
import { el } from "../dom";
import { SAMPLES } from "../samples";
import { t as sampleName } from "../messages";
import reference from "./digests.json";
import { t } from "./messages";
import { EXACT, type Digests } from "./protocol";

/** `digest` is null if the picture shows no line. */
type Reference = Record<string, { gray: string } & Record<(typeof EXACT)[number], string | null>>;

/** Returns name and address of each picture to compare. */
export function pictures(): [string, string][] {
  return SAMPLES.map(({ file, address }) => [file, new URL(address, document.baseURI).href]);
}

type Verdict = "agrees" | "differsGray" | "differsDigest";

function verdict({ file, precision, gray, digest }: Digests): Verdict {
  const wanted = (reference as Reference)[file];
  if (gray !== wanted?.gray) return "differsGray";
  return digest === wanted[precision] ? "agrees" : "differsDigest";
}

/** Shows the overall verdict and one for each reading. */
export function showParity(found: readonly Digests[]): HTMLElement {
  const different = found.filter((digests) => verdict(digests) !== "agrees").length;
  const cell = (file: string, precision: (typeof EXACT)[number]) => {
    const digests = found.find((one) => one.file === file && one.precision === precision);
    if (digests === undefined) return el("td", {}, "–");
    const mine = verdict(digests);
    return el("td", {}, `${t(mine)} `, el("code", { dir: "ltr" }, digests.digest ?? "–"));
  };
  const head = el(
    "tr",
    {},
    el("th", { scope: "col" }, t("picture")),
    ...EXACT.map((precision) => el("th", { scope: "col" }, t(precision))),
  );
  const rows = SAMPLES.map(({ key, file }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, sampleName(key)),
      ...EXACT.map((precision) => cell(file, precision)),
    ),
  );
  const tone = different === 0 ? "good" : "bad";
  return el(
    "div",
    { class: "parity", "data-different": String(different) },
    el(
      "p",
      { class: `told ${tone}`, role: "status" },
      different === 0 ? t("same", { count: found.length }) : t("different", { count: different }),
    ),
    el(
      "div",
      { class: "wide-table", tabindex: "0", role: "region", "aria-label": t("parityTitle") },
      el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)),
    ),
  );
}
