/** `<mrz-file>`: reads pictures that a person chooses, drops or pastes. */
import { readByBrowser, readMirrored } from "./browser.js";
import type { Client } from "./client.js";
import { MrzElement, el, newClient, type TroubleDetail } from "./element.js";
import type { Result } from "./result.js";

/** The `detail` of the event `reading` of a file. */
export interface FileReading {
  result: Result;
  file: File;
  /** Whether the picture was mirrored: it was flipped before it was read. */
  mirrored: boolean;
}

/** The `detail` of the event `progress` of files. */
export interface FileProgress {
  done: number;
  count: number;
}

/** All elements for files of a page share a worker. */
let shared: Client | undefined;

/**
 * A button and a place to drop pictures on. Its content replaces the text of the button.
 *
 * Events: `reading` for each document (`FileReading`), `progress` before the first picture and after
 * each (`FileProgress`), `trouble` for each picture without a reading (`TroubleDetail`). Attributes:
 * `precision`, `formats`, `language`, `multiple`, `disabled`. Parts: `drop`, `button`, `status`.
 */
export class MrzFile extends MrzElement {
  static override readonly observedAttributes = ["language", "multiple", "disabled"];
  /** Pictures since the element had none to read. */
  #count = 0;
  #done = 0;
  /** Settles when the last picture is read. */
  #last: Promise<void> = Promise.resolve();

  constructor() {
    super();
    this.addEventListener("dragover", (event) => event.preventDefault());
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#take(event.dataTransfer?.files);
    });
    this.addEventListener("paste", (event) => this.#take(event.clipboardData?.files));
  }

  /** Reads pictures, as if the person had chosen them. Resolves when all events were sent. */
  async read(...files: File[]): Promise<void> {
    this.#count += files.length;
    this.#report();
    for (const file of files) this.#last = this.#last.then(() => this.#one(file));
    await this.#last;
  }

  #take(files: FileList | undefined): void {
    if (files === undefined || this.hasAttribute("disabled")) return;
    void this.read(...[...files].slice(0, this.hasAttribute("multiple") ? undefined : 1));
  }

  async #one(file: File): Promise<void> {
    let text = "";
    try {
      const { result, mirrored } = await this.#read(file);
      const { document, lines } = result;
      const code =
        lines.length === 0 ? "NoLines" : this.accepts(document) ? undefined : "OtherFormat";
      if (code === undefined) {
        this.tell("reading", { result, file, mirrored } satisfies FileReading);
      } else {
        text = this.texts[code];
        this.tell("trouble", { code, message: text, file, result } satisfies TroubleDetail);
      }
    } catch (thrown) {
      text = this.texts.failed;
      this.tellTrouble(thrown, { file });
    }
    this.#done += 1;
    this.#report(text);
    if (this.#done === this.#count) this.#done = this.#count = 0;
  }

  /** Reads a picture; one without a valid text also as a mirror shows it. */
  async #read(file: File): Promise<Omit<FileReading, "file">> {
    const client = (shared ??= newClient());
    const ofPixels = (pixels: ImageData) => client.read(pixels, this.precision);
    const result = await client
      .read(file, this.precision)
      .catch(async (thrown: unknown) => (await readByBrowser(file, thrown, ofPixels)).result);
    const flipped = result.valid ? null : await readMirrored(file, ofPixels);
    return { result: flipped?.result ?? result, mirrored: flipped !== null };
  }

  /** Says how far it is, or `text` once all is read. */
  #report(text = ""): void {
    const [done, count] = [this.#done, this.#count];
    if (this.isConnected) {
      const { reading, count: counted } = this.texts;
      const many = counted.replace("{done}", String(done)).replace("{count}", String(count));
      this.at("status").textContent = done === count ? text : count > 1 ? many : reading;
    }
    this.tell("progress", { done, count } satisfies FileProgress);
  }

  protected draw(): void {
    const said = this.root.querySelector('[part~="status"]')?.textContent ?? "";
    const { choose, drop } = this.texts;
    const input = el("input", { type: "file", accept: "image/*" }) as HTMLInputElement;
    this.fill(
      `label { display: block; text-align: center; padding: var(--mrz-padding, 1.5rem);
        border: var(--mrz-border, 2px dashed currentColor);
        border-radius: var(--mrz-radius, 0.6rem); background: var(--mrz-background, none); }
      input { position: absolute; inline-size: 1px; block-size: 1px; opacity: 0; }
      :host([disabled]) label { opacity: 0.5; pointer-events: none; }`,
      el(
        "label",
        { part: "drop", dir: this.direction },
        input,
        el("span", { class: "button", part: "button" }, el("slot", {}, choose)),
        el("p", { part: "hint" }, drop),
      ),
      el("p", { part: "status", role: "status", dir: this.direction }, said),
    );
    input.multiple = this.hasAttribute("multiple");
    input.disabled = this.hasAttribute("disabled");
    input.addEventListener("change", () => {
      this.#take(input.files ?? undefined);
      // Allows the same file to be chosen again.
      input.value = "";
    });
  }
}
