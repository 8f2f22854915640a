/**
 * The bench view: measures in this browser, compares with reports from other machines, and compares
 * results bit for bit.
 */
import { NibbleError } from "nibble-mrz";
import { isoDay } from "nibble-mrz/fields";
import type uPlot from "uplot";
import { el } from "../dom";
import { onLanguage } from "../language";
import { copy, dated, save } from "../export";
import type { View } from "../view";
import "../shell/views.css";
import "./bench.css";
import { deviceName } from "./device";
import { decode, encode } from "./link";
import { isReport, measured } from "./measured";
import { t, type BenchKey } from "./messages";
import { pictures, showParity } from "./parity";
import { picture } from "./picture";
import type { Digests } from "./protocol";
import { REFERENCES, type Reference } from "./references";
import { digests, measure, type Run } from "./runner";
import { scalesOf, showSource, type Source } from "./source";

/** The build replaces this name with the commit of which it is made. */
declare const COMMIT: string;

/** The origin of a result, from which its title is made in the current language. */
type Origin = { kind: "here" | "shared" } | { kind: "file"; name: string };
type Entry = Omit<Source, "title"> & { origin: Origin };

class BenchView implements View {
  readonly #root: HTMLElement;
  readonly #status = el("p", { class: "hint", role: "status" });
  readonly #bar = el("progress", { hidden: "" }) as HTMLProgressElement;
  readonly #begin = el("button", { class: "primary", type: "button", id: "bench-begin" });
  readonly #compare = el("button", { class: "secondary", type: "button", id: "bench-compare" });
  readonly #cancel = el("button", {
    class: "secondary",
    type: "button",
    id: "bench-cancel",
    hidden: "",
  });
  readonly #file = el("input", {
    type: "file",
    accept: ".json,application/json",
    hidden: "",
    id: "bench-file",
    multiple: "",
  }) as HTMLInputElement;
  readonly #sources = el("div", { class: "sources" });
  readonly #parity = el("div", {});
  #entries: Entry[] = [];
  #found: Digests[] | undefined;
  #run: Run<unknown> | undefined;
  /** The key and the values of the status line, so that it can be translated. */
  #said: [BenchKey, Record<string, string | number>] = ["hint", {}];

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#begin.addEventListener("click", () => void this.#measure());
    this.#compare.addEventListener("click", () => void this.#compareBits());
    this.#cancel.addEventListener("click", () => this.#run?.cancel());
    this.#file.addEventListener("change", () => void this.#take(this.#file.files));
    root.addEventListener("dragover", (event) => event.preventDefault());
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      void this.#take(event.dataTransfer?.files ?? null);
    });
    // A canvas does not adapt to the colour scheme by itself.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#show());
    onLanguage(() => this.#build());
    this.#build();
  }

  /** Shows the result that the address may contain. */
  async enter(argument: string): Promise<void> {
    if (argument === "") return;
    const shared = await decode(argument);
    if (shared === null) return this.#say("badLink");
    this.#put({ origin: { kind: "shared" }, measured: shared });
  }

  leave(): void {
    this.#run?.cancel();
  }

  #build(): void {
    const choose = el("button", { class: "plain", type: "button" }, t("chooseFile"));
    choose.addEventListener("click", () => this.#file.click());
    const beside = REFERENCES.map((reference) => {
      const button = el(
        "button",
        { class: "secondary small", type: "button", "data-reference": reference.name },
        reference.name,
      );
      button.addEventListener("click", () => void this.#lay(reference));
      return button;
    });
    this.#compare.textContent = t("compare");
    this.#cancel.textContent = t("cancel");
    this.#file.setAttribute("aria-label", t("chooseFile"));
    this.#bar.setAttribute("aria-label", t("measure"));
    this.#root.replaceChildren(
      el(
        "div",
        { class: "bench" },
        el(
          "header",
          { class: "intro" },
          el("h1", {}, t("title")),
          el("p", { class: "lead" }, t("lead")),
        ),
        el(
          "div",
          { class: "run" },
          el("div", { class: "actions" }, this.#begin, this.#cancel),
          this.#bar,
          this.#status,
        ),
        this.#sources,
        el("p", { class: "beside hint" }, `${t("dropFile")} `, choose, this.#file),
        el("div", { class: "actions references" }, el("span", {}, t("references")), ...beside),
        el(
          "section",
          { class: "panel" },
          el("h2", {}, t("parityTitle")),
          el("p", { class: "hint" }, t("parityLead")),
          el("div", {}, this.#compare),
          this.#parity,
        ),
      ),
    );
    this.#say(...this.#said);
    this.#show();
  }

  #say(key: BenchKey, values: Record<string, string | number> = {}): void {
    this.#said = [key, values];
    this.#status.textContent = t(key, values);
  }

  #title({ origin }: Entry): string {
    return origin.kind === "file" ? origin.name : t(origin.kind);
  }

  /** Adds a result, in place of an older one of the same origin. */
  #put(entry: Entry): void {
    const isSame = ({ origin }: Entry) =>
      origin.kind === entry.origin.kind &&
      (origin.kind !== "file" || origin.name === (entry.origin as { name?: string }).name);
    this.#entries = [...this.#entries.filter((other) => !isSame(other)), entry];
    this.#show();
  }

  #show(): void {
    this.#begin.textContent = t(
      this.#entries.some(({ origin }) => origin.kind === "here") ? "again" : "measure",
    );
    const sources = this.#entries.map((entry): Source => ({ ...entry, title: this.#title(entry) }));
    const scales = scalesOf(sources);
    const shown = sources.map((source, index) => {
      let charts: uPlot[] = [];
      const actions = this.#actions(source, index, () => charts);
      const view = showSource(source, scales, actions);
      return { ...view, draw: () => (charts = view.draw()) };
    });
    this.#sources.replaceChildren(...shown.map(({ element }) => element));
    // The containers have a width only now.
    for (const { draw } of shown) draw();
    this.#parity.replaceChildren(...(this.#found === undefined ? [] : [showParity(this.#found)]));
  }

  #actions(source: Source, index: number, charts: () => readonly uPlot[]): HTMLElement[] {
    const button = (key: BenchKey, work: () => unknown) => {
      const element = el(
        "button",
        { class: "secondary small", type: "button", "data-action": key },
        t(key),
      );
      element.addEventListener("click", () => void work());
      return element;
    };
    return [
      ...(source.report === undefined
        ? []
        : [
            button("saveJson", () =>
              save(JSON.stringify(source.report, null, 1), dated("bench.json"), "application/json"),
            ),
          ]),
      button("savePng", async () =>
        save(await picture(source, charts()), dated("bench.png"), "image/png"),
      ),
      button("copyLink", async () => {
        const address = new URL(`#bench/${await encode(source.measured)}`, location.href);
        history.replaceState(history.state, "", address);
        // Others read it in their own language.
        const shared = new URL(address);
        shared.searchParams.delete("lang");
        this.#say((await copy(shared.href)) ? "copied" : "copyFailed");
      }),
      button("remove", () => {
        this.#entries.splice(index, 1);
        this.#show();
      }),
    ];
  }

  /** Shows the progress of a run. Returns `null` if it was cancelled or failed. */
  async #follow<T>(
    key: BenchKey,
    start: (progress: (done: number, of: number) => void) => Run<T>,
  ): Promise<T | null> {
    const buttons = [this.#begin, this.#compare] as HTMLButtonElement[];
    buttons.forEach((button) => (button.disabled = true));
    this.#cancel.hidden = this.#bar.hidden = false;
    this.#bar.value = 0;
    const run = start((done, of) => {
      this.#bar.max = of;
      this.#bar.value = done;
      this.#say(key, { done, of });
    });
    this.#run = run;
    try {
      const result = await run.result;
      this.#say(result === null ? "cancelled" : "hint");
      return result;
    } catch (thrown) {
      this.#say("failed", {
        message: thrown instanceof NibbleError ? thrown.message : String(thrown),
      });
      return null;
    } finally {
      this.#run = undefined;
      buttons.forEach((button) => (button.disabled = false));
      this.#cancel.hidden = this.#bar.hidden = true;
    }
  }

  async #measure(): Promise<void> {
    const [, picture = ""] = pictures()[0] ?? [];
    const found = await this.#follow("measuring", (progress) => measure(picture, progress));
    if (found === null) return;
    // The package knows only the user agent, which stays in `flags`.
    found.device.cpu = await deviceName();
    const made = { date: isoDay(), version: found.device.version, commit: COMMIT };
    const report = { ...found, made };
    this.#put({ origin: { kind: "here" }, measured: measured(report), report });
  }

  async #compareBits(): Promise<void> {
    const found = await this.#follow("comparing", (progress) => digests(pictures(), progress));
    if (found === null) return;
    this.#found = found;
    this.#show();
  }

  /** Lays a result that comes with the page beside the others. */
  async #lay(reference: Reference): Promise<void> {
    try {
      const entry = await reference.load();
      this.#put({ origin: { kind: "file", name: reference.name }, ...entry });
    } catch (thrown) {
      this.#say("failed", { message: String(thrown) });
    }
  }

  async #take(files: FileList | null): Promise<void> {
    for (const file of files ?? []) {
      let report: unknown;
      try {
        report = JSON.parse(await file.text());
      } catch {
        report = undefined;
      }
      if (isReport(report))
        this.#put({
          origin: { kind: "file", name: file.name },
          measured: measured(report),
          report,
        });
      else this.#say("noReport", { file: file.name });
    }
    this.#file.value = "";
  }
}

/** Builds the view. */
export function open(element: HTMLElement): View {
  return new BenchView(element);
}
