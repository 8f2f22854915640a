/** The reading view: takes pictures, has the worker read them, and shows the results. */
import { NibbleError, supported, type Precision } from "nibble-mrz";
import { takePress } from "../arrival/early";
import { CameraView } from "../camera/view";
import { placeOfWorker, type Client } from "../client";
import { at, oneStop } from "../dom";
import { onLanguage } from "../language";
import { remember } from "../last";
import { t } from "../messages";
import { quietly } from "../quiet";
import type { Batch } from "./batch";
import { errorKey, pagedKind, readFile, type Reading } from "./decode";
import { setReady } from "./download";
import type { Editor } from "./edit";
import { beside, copy, json, save, share } from "../export";
import { offerSamples, sharedFile, watchFiles } from "./intake";
import { choices } from "./documents";
import { isKept } from "./kept";
import { watchKey } from "./key";
import { arrive, onReturn, resume, type Place } from "./places";
import { show } from "./result";
import type { ReadRow } from "./row";
import { go, isShown, type Section } from "./sections";
import { watchKeys } from "./shortcuts";
import { setUnsaved } from "./unsaved";

/** The reading on the screen, kept for another precision or language. */
interface Shown extends Reading {
  file: Blob;
  name: string;
  /** Its row in the table, if it has one. */
  row?: ReadRow;
  /** Where it came from, which is also where "read another" leads. */
  from: "file" | "camera" | "batch";
}

/** Results that "back" can return to: as many as a person may want, as few as memory holds. */
const MAX_KEPT = 12;

class ReadingView {
  readonly #client: Client;
  readonly #camera: CameraView;
  /** The table, once several pictures were read. Its code is loaded for that. */
  #batch: Batch | undefined;
  #editor: Editor | undefined;
  #shown: Shown | undefined;
  /** Results by the numbers under which the browser's history knows them. */
  readonly #kept = new Map<number, Shown>();
  #number = 0;
  /** The number of the result on the screen. */
  #place = 0;
  /** How far the table was scrolled when a result of it was opened; pixels. */
  #scrolled = 0;
  /** Kernels that give wrong results in this browser. */
  #wrongKernels: ReadonlySet<string> = new Set();
  /** The error on the screen. */
  #problem: unknown;
  /** Documents that the camera has put in the table. */
  #collected = 0;
  /** Tries again what was tried last. */
  #again: (() => void) | undefined;
  /** The same if trying again may help. */
  #retry: (() => void) | undefined;
  /** Counts readings: the answer to an earlier one is dropped. */
  #turn = 0;

  constructor(client: Client) {
    this.#client = client;
    this.#camera = new CameraView(client, {
      precision,
      read: (result, file, notice) =>
        this.#present({ result, notice, file, name: t("frameName"), from: "camera" }),
      failed: (error) => this.#fail(error),
      collect: async (result, picture) => {
        const batch = await this.#table();
        const name = `${t("frameName")} ${++this.#collected}.png`;
        const file = new File([picture], name, { type: picture.type });
        batch.put({ file, reading: { result, notice: undefined } });
        return batch.size;
      },
      undo: () => {
        this.#batch?.undo();
        return this.#batch?.size ?? 0;
      },
      showTable: () => {
        this.#camera.close();
        this.#showTable();
      },
    });
    this.#wire();
  }

  /** Loads what reading needs. Then reads a file that another app has shared, if any. */
  async start(): Promise<void> {
    if (!isAble()) return this.#fail(new NibbleError("NoSimd", "no SIMD, or no worker"));
    if (isKept()) void this.#restore();
    this.#again = () => void this.#startAgain();
    try {
      // Load the usual model now: nothing is requested while a picture is read.
      await this.#load();
      this.#wrongKernels = new Set((await this.#client.start()).flatMap((choice) => choice.wrong));
      this.#showKernels();
      const file = await sharedFile();
      if (file !== null)
        await this.#open(
          () => file,
          () => file.name,
        );
    } catch (thrown) {
      // Whoever stopped a download knows.
      if (!isAbort(thrown)) this.#fail(thrown);
    }
  }

  /** Shows the table that was kept in this tab. */
  async #restore(): Promise<void> {
    try {
      const batch = await this.#table();
      batch.restore();
      if (!batch.filled || !isShown("start")) return;
      resume({ section: "batch" });
      go("batch");
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  async #startAgain(): Promise<void> {
    go("busy");
    await this.start();
    if (isShown("busy")) this.#restart();
  }

  /** Returns the table. */
  async #table(): Promise<Batch> {
    const { Batch } = await loaded(import("./batch"));
    return (this.#batch ??= new Batch({
      read: (file) => this.#read(file),
      open: (row) => {
        const { file, reading } = row;
        this.#scrolled = scrollY;
        this.#present({ ...reading, file, name: file.name, from: "batch", row });
      },
      another: () => this.#another(),
      cleared: () => this.#restart(),
    }));
  }

  /** Opens the editor of the lines. */
  async #edit(): Promise<void> {
    const { Editor } = await loaded(import("./edit"));
    this.#editor ??= new Editor(this.#client, {
      current: () => this.#shown?.result,
      replace: (result) => {
        if (this.#shown === undefined) return;
        this.#shown = { ...this.#shown, result };
        this.#show();
      },
    });
    this.#editor.open();
  }

  /** Loads the engine and the usual model. */
  async #load(): Promise<void> {
    setReady(false);
    const place = placeOfWorker();
    try {
      await this.#client.load("u4");
    } catch (thrown) {
      // The next worker comes from elsewhere.
      if (placeOfWorker() === place) throw thrown;
      await this.#client.load("u4");
    }
    setReady(true);
  }

  async #read(file: Blob): Promise<Reading> {
    if (!this.#client.isStarted) await this.#load();
    return quietly(() => readFile(this.#client, file, precision()));
  }

  /** Reads one file and shows its result. */
  async #open(coming: () => Blob | Promise<Blob>, name: () => string): Promise<void> {
    const mine = this.#leave();
    this.#again = () => void this.#open(coming, name);
    go("busy");
    try {
      const begun = coming();
      // If the decoder does not arrive, the reading reports it.
      this.#client.loadDecoder(begun instanceof Blob ? begun : undefined).catch(() => undefined);
      const file = await begun;
      const reading = await this.#read(file);
      if (mine === this.#turn) this.#present({ ...reading, file, name: name(), from: "file" });
    } catch (thrown) {
      if (mine === this.#turn && !isAbort(thrown)) this.#fail(thrown);
    }
  }

  /** Whether files join the table: it is on the screen, or one of its results is. */
  get #isOnTable(): boolean {
    const filled = this.#batch?.filled === true;
    return isShown("batch") || (isShown("result") && this.#shown?.from === "batch" && filled);
  }

  /** Takes files; those with several pages are taken apart first. */
  async #accept(files: File[]): Promise<void> {
    if (!isAble()) return;
    const onTable = this.#isOnTable;
    const mine = onTable ? this.#turn : this.#leave();
    this.#again = () => void this.#accept(files);
    if (!onTable) go("busy");
    try {
      const kinds = await Promise.all(files.map(pagedKind));
      if (kinds.every((kind) => kind === undefined)) {
        if (onTable || mine === this.#turn) this.#take(files);
        return;
      }
      const { pagesOf } = await loaded(import("./pages"));
      const pages: File[] = [];
      for (const [index, file] of files.entries()) {
        const kind = kinds[index];
        try {
          pages.push(...(kind === undefined ? [file] : await pagesOf(file, kind)));
        } catch (thrown) {
          if (files.length === 1) throw thrown;
          // Its row in the table says that it cannot be read.
          pages.push(file);
        }
      }
      if (onTable || mine === this.#turn) this.#take(pages);
    } catch (thrown) {
      if (mine === this.#turn) this.#fail(thrown);
    }
  }

  #take(files: File[]): void {
    const [first] = files;
    if (first === undefined) return;
    const onTable = this.#isOnTable;
    if (files.length === 1 && !onTable)
      return void this.#open(
        () => first,
        () => first.name,
      );
    if (!onTable) this.#leave();
    void this.#add(files);
  }

  /** Adds files to the table. */
  async #add(files: File[]): Promise<void> {
    this.#again = () => void this.#add(files);
    try {
      const batch = await this.#table();
      this.#forget();
      this.#showTable();
      await batch.add(files);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** Clears the screen and begins a new turn; returns its number. The table is kept. */
  #leave(): number {
    this.#camera.close();
    this.#batch?.stop();
    this.#forget();
    return ++this.#turn;
  }

  #showTable(): void {
    arrive({ section: "batch" });
    go("batch");
    at("batch-title").focus({ preventScroll: true });
    scrollTo({ top: this.#scrolled });
  }

  /** Shows a place that the person went back to, or the start where it is gone. */
  #return(place: Place): void {
    const kept = place.section === "result" ? this.#kept.get(place.id) : undefined;
    if (place.section === "camera") return this.#openCamera();
    if (place.section === "batch" && this.#batch?.filled === true) {
      this.#camera.close();
      this.#forget();
      return this.#showTable();
    }
    if (kept === undefined || place.section !== "result") return this.#restart();
    this.#camera.close();
    this.#draw(kept, place.id);
  }

  /** Ends editing: what was changed is kept in the table and for the browser's history. */
  #settle(): void {
    this.#editor?.close();
    const shown = this.#shown;
    if (shown === undefined) return;
    const before = this.#kept.get(this.#place);
    if (before === undefined || before.result === shown.result) return;
    if (shown.row !== undefined && "edited" in shown.result) {
      const { result, notice } = shown;
      shown.row = this.#batch?.replace(shown.row, { result, notice }) ?? shown.row;
    }
    this.#kept.set(this.#place, shown);
  }

  #forget(): void {
    this.#settle();
    this.#shown = undefined;
    setUnsaved("edit", false);
    const picture = at<HTMLImageElement>("picture");
    if (picture.src.startsWith("blob:")) URL.revokeObjectURL(picture.src);
    picture.removeAttribute("src");
  }

  /** Shows a new result, and keeps it for the browser's history. */
  #present(shown: Shown): void {
    this.#kept.set(++this.#number, shown);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > MAX_KEPT) this.#kept.delete(oldest);
    arrive({ section: "result", id: this.#number });
    this.#draw(shown, this.#number);
  }

  #draw(shown: Shown, place: number): void {
    this.#forget();
    this.#place = place;
    this.#turn++;
    this.#shown = shown;
    const gone = isGone(shown);
    at<HTMLElement>("frame").hidden = at<HTMLElement>("precision-panel").hidden = gone;
    if (!gone) {
      remember(shown.file, shown.result);
      at<HTMLImageElement>("picture").src = URL.createObjectURL(shown.picture ?? shown.file);
    }
    at("caption").textContent = shown.name;
    at("to-table").hidden = shown.from !== "batch";
    this.#show();
    go("result");
    at("verdict").focus({ preventScroll: true });
  }

  /** Shows the current result in the current language. */
  #show(): void {
    if (this.#shown === undefined) return;
    const { result, notice, row } = this.#shown;
    // A table keeps what was mended in it, and asks for itself.
    setUnsaved("edit", "edited" in result && row === undefined);
    const notices = [notice, isGone(this.#shown) ? ("pictureGone" as const) : undefined];
    at("notice").textContent = notices
      .flatMap((key) => (key === undefined ? [] : t(key)))
      .join(" ");
    at("notice").hidden = at("notice").textContent === "";
    at<HTMLImageElement>("picture").alt = t("alt");
    at("said").textContent = "";
    show(result);
    at("documents").replaceChildren(
      ...choices(result, (result) => {
        if (this.#shown === undefined) return;
        this.#shown = { ...this.#shown, result };
        this.#show();
        at("verdict").focus({ preventScroll: true });
      }),
    );
    at("documents").hidden = result.documents.length < 2;
    at("documents").setAttribute("aria-label", t("documentsTitle"));
  }

  /**
   * Reads the same picture at another precision. The old result stays until the new one is there.
   */
  async #readAgain(): Promise<void> {
    const shown = this.#shown;
    if (shown === undefined) return;
    const mine = ++this.#turn;
    at("times").setAttribute("aria-busy", "true");
    try {
      const reading = await this.#read(shown.file);
      if (mine !== this.#turn) return;
      this.#shown = { ...shown, ...reading };
      this.#show();
    } catch (thrown) {
      if (mine === this.#turn) this.#fail(thrown);
    } finally {
      at("times").removeAttribute("aria-busy");
    }
  }

  #fail(thrown: unknown): void {
    this.#camera.close();
    this.#retry = retryable(thrown) ? this.#again : undefined;
    this.#problem = thrown;
    this.#showProblem();
    go("problem");
    document.querySelector<HTMLElement>("#problem button:not([hidden])")?.focus();
  }

  #showProblem(): void {
    if (this.#problem === undefined) return;
    at("problem-title").textContent = t("errTitle");
    at("problem-text").textContent = t(errorKey(this.#problem));
    at("problem").dataset["code"] =
      this.#problem instanceof NibbleError ? this.#problem.code : "Internal";
    at("retry").hidden = this.#retry === undefined;
    // Without SIMD there is nothing to return to.
    for (const again of document.querySelectorAll<HTMLElement>("#problem .again"))
      again.hidden = !isAble();
  }

  #showKernels(): void {
    at("kernel-notice").hidden = this.#wrongKernels.size === 0;
    at("kernel-notice").textContent = t("kernelWrong", {
      kernels: [...this.#wrongKernels].join(", "),
    });
  }

  #restart(): void {
    this.#leave();
    this.#problem = undefined;
    at("drop-said").textContent = "";
    arrive({ section: "start" });
    go("start");
    at("choose").focus();
  }

  /** Leads to the next reading, by camera if the last one was, too. */
  #another(): void {
    if (this.#shown?.from === "camera") this.#openCamera();
    else this.#restart();
  }

  #openCamera(): void {
    this.#leave();
    arrive({ section: "camera" });
    go("camera");
    void this.#camera.open();
  }

  /** Presses a button if it can be pressed now, and one of these sections is on the screen. */
  #pressed(button: string, ...sections: Section[]): boolean {
    if (!sections.some(isShown)) return false;
    // The button that chooses files works where it is not seen, too.
    if (button !== "choose" && at(button).closest("[hidden]") !== null) return false;
    at(button).click();
    return true;
  }

  /** Copies the fields with tabs between them, as a spreadsheet takes them. */
  async #copyRow(): Promise<void> {
    const shown = this.#shown;
    if (shown === undefined) return;
    const { table, tabbed } = await loaded(import("./csv"));
    const row = { file: new File([], shown.name), reading: shown };
    this.#say(await copy(tabbed(table([row]).slice(1))));
  }

  /** Copies the value of the field whose button was pressed, as it is shown. */
  async #copyField(pressed: Element): Promise<void> {
    const shown = pressed.closest<HTMLElement>("[data-field]");
    if (!pressed.matches(".copy-field") || shown === null) return;
    const field = shown.parentElement?.querySelector("dt")?.textContent ?? "";
    if (await copy(shown.querySelector("bdi")?.textContent ?? ""))
      at("said").textContent = t("copiedField", { field });
    else this.#say(false);
  }

  #say(done: boolean): void {
    at("said").textContent = t(done ? "copied" : "copyFailed");
  }

  #wire(): void {
    watchFiles((files) => void this.#accept(files));
    offerSamples((file, name) => void this.#open(file, name));
    at("camera-open").addEventListener("click", () => this.#openCamera());
    at("retry").addEventListener("click", () => this.#retry?.());
    at("busy-cancel").addEventListener("click", () => {
      this.#restart();
      this.#client.stop();
    });
    at("camera-close").addEventListener("click", () => this.#restart());
    at("view-read").addEventListener("leave", () => {
      if (!isShown("camera")) return;
      this.#leave();
      go("start");
    });
    for (const button of document.querySelectorAll(".again"))
      button.addEventListener("click", () => this.#another());
    at("to-table").addEventListener("click", () => {
      this.#forget();
      this.#showTable();
    });
    onReturn((place) => this.#return(place));
    for (const radio of document.querySelectorAll("input[name=precision]"))
      radio.addEventListener("change", () => void this.#readAgain());
    at("fields").addEventListener("click", ({ target }) => void this.#copyField(target as Element));
    oneStop(at("fields"), ".copy-field");
    at("copy-row").addEventListener("click", () => void this.#copyRow());
    at("edit").addEventListener("click", () =>
      this.#edit().catch((thrown: unknown) => this.#fail(thrown)),
    );
    watchKey();
    at("copy").addEventListener(
      "click",
      async () => this.#shown && this.#say(await copy(json(this.#shown.result))),
    );
    at("copy-lines").addEventListener(
      "click",
      async () => this.#shown && this.#say(await copy(this.#shown.result.lines.join("\n"))),
    );
    at("save").addEventListener(
      "click",
      () =>
        this.#shown &&
        save(json(this.#shown.result), beside(this.#shown.name, "json"), "application/json"),
    );
    watchKeys(
      {
        choose: () => this.#pressed("choose", "start", "batch", "result"),
        save: () => this.#pressed("save", "result") || this.#pressed("batch-xlsx", "batch"),
        copy: () => this.#pressed("copy-row", "result") || this.#pressed("batch-copy", "batch"),
        undo: () => this.#pressed("batch-undo", "batch"),
        back: () =>
          this.#pressed("edit-done", "result") ||
          this.#pressed("to-table", "result") ||
          this.#pressed("busy-cancel", "busy"),
      },
      () => !at("view-read").hidden,
    );
    at("share").addEventListener("click", () => this.#shown && void share(this.#shown.result));
    onLanguage(() => {
      this.#show();
      this.#showProblem();
      this.#showKernels();
    });
  }
}

/** Whether the picture is no longer there: a table that is kept has none. */
function isGone({ file, picture }: Shown): boolean {
  return picture === undefined && file.size === 0;
}

/** Whether the browser has what every reading needs. */
function isAble(): boolean {
  return supported() !== null && typeof Worker === "function";
}

function isAbort(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === "AbortError";
}

/** Waits for code that is loaded when it is needed. Rejects with `LoadFailed`. */
async function loaded<T>(code: Promise<T>): Promise<T> {
  try {
    return await code;
  } catch (cause) {
    throw new NibbleError("LoadFailed", "a part of the page did not arrive", { cause });
  }
}

/** Whether a fault may pass: something did not arrive, or arrived in part. */
function retryable(thrown: unknown): boolean {
  return thrown instanceof NibbleError && ["LoadFailed", "ModelInvalid"].includes(thrown.code);
}

function precision(): Precision {
  return document.querySelector<HTMLInputElement>("input[name=precision]:checked")
    ?.value as Precision;
}

/** Starts the view. `client` reads for it. */
export function startReading(client: Client): void {
  void new ReadingView(client).start();
  const press = takePress();
  // Whoever has gone to another view meanwhile finds it done when they come back.
  if (press !== undefined && isAble())
    at("view-read").addEventListener("enter", press, { once: true });
}
