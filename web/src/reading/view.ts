/** The reading view: takes pictures, has the worker read them, and shows the results. */
import { NibbleError } from "nibble-mrz";
import { takePress } from "../arrival/early";
import { CameraView } from "../camera/view";
import { placeOfWorker, type Client } from "../client";
import { at } from "../dom";
import { onLanguage } from "../language";
import { remember } from "../last";
import { t } from "../messages";
import { quietly } from "../quiet";
import type { Batch } from "./batch";
import { byBrowser, pagedKind, readFile, type Reading } from "./decode";
import { choices } from "./documents";
import { setPages, setReady } from "./download";
import type { Editor } from "./edit";
import { offerSamples, watchFiles } from "./intake";
import { isKept } from "./kept";
import { watchKey } from "./key";
import { arrive, onReturn, resume, type Place } from "./places";
import { Problem, isAble, isAbort, loaded } from "./problem";
import { show } from "./result";
import { go, isShown, pressed } from "./sections";
import { Series } from "./series";
import { isGone, precision, type Shown } from "./shown";
import { setUnsaved } from "./unsaved";

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
  readonly #problem = new Problem();
  /** What the camera has put in the table, while it is in the picture. */
  readonly #series = new Series();
  /** Pictures that the camera has put in the table. */
  #collected = 0;
  /** Tries again what was tried last. */
  #again: (() => void) | undefined;
  #paging: AbortController | undefined;
  #isWired = false;
  /** Counts readings: the answer to an earlier one is dropped. */
  #turn = 0;

  constructor(client: Client) {
    this.#client = client;
    this.#camera = new CameraView(client, {
      precision,
      read: (result, file, notice) =>
        this.#present({ result, notice, file, name: t("frameName"), from: "camera" }),
      failed: (error) => this.#fail(error),
      unread: (result) => this.#series.next(result),
      emptied: () => this.#series.forget(),
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
      if (!new URLSearchParams(location.search).has("shared")) return;
      const { sharedFile } = await loaded(import("./shared"));
      const file = await sharedFile();
      await this.#open(
        () => file,
        () => file.name,
      );
    } catch (thrown) {
      // Whoever stopped a download knows.
      if (!isAbort(thrown)) this.#fail(thrown);
    } finally {
      // Without it one sees what is read. The next reading asks for it again.
      this.#wireLater().catch(() => undefined);
      void byBrowser();
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
    const mine = this.#begin();
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
    const mine = onTable ? this.#turn : this.#begin();
    const drawing = new AbortController();
    this.#again = () => void this.#accept(files);
    if (!onTable) go("busy");
    try {
      const kinds = await Promise.all(files.map(pagedKind));
      if (kinds.every((kind) => kind === undefined)) {
        if (onTable || mine === this.#turn) this.#take(files);
        return;
      }
      // What joins a table goes on while a person looks at something else.
      if (!onTable) this.#paging = drawing;
      setPages(() => t("loading"));
      const { allPages } = await loaded(import("./pages"));
      const pages = await allPages(files, kinds, drawing.signal, setPages);
      this.#paging = undefined;
      if (onTable || mine === this.#turn) this.#take(pages);
    } catch (thrown) {
      if (mine === this.#turn && !isAbort(thrown)) this.#fail(thrown);
    } finally {
      setPages(undefined);
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
    this.#paging?.abort();
    this.#paging = undefined;
    this.#forget();
    return ++this.#turn;
  }

  /** Begins another reading: what was cleared before is gone. */
  #begin(): number {
    this.#batch?.forgetCleared();
    return this.#leave();
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
    if (!this.#isWired) this.#wireLater().catch(() => undefined);
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
      // A row of the table has one of the documents in its picture.
      if (shown.row !== undefined && this.#batch !== undefined)
        this.#shown.result = this.#batch.sameDocument(reading.result, shown.result);
      this.#show();
    } catch (thrown) {
      if (mine === this.#turn) this.#fail(thrown);
    } finally {
      at("times").removeAttribute("aria-busy");
    }
  }

  #fail(thrown: unknown): void {
    this.#camera.close();
    this.#problem.show(thrown, this.#again);
  }

  #showKernels(): void {
    at("kernel-notice").hidden = this.#wrongKernels.size === 0;
    at("kernel-notice").textContent = t("kernelWrong", {
      kernels: [...this.#wrongKernels].join(", "),
    });
  }

  #restart(): void {
    this.#leave();
    this.#problem.clear();
    at("drop-said").textContent = "";
    arrive({ section: "start" });
    this.#showWayBack();
    go("start");
    at("choose").focus();
  }

  /** Shows the way from the start to the table, also to one that was cleared. */
  #showWayBack(): void {
    const isCleared = this.#batch?.isCleared === true;
    at("start-table").hidden = !isCleared && this.#batch?.filled !== true;
    at("start-table").textContent = t(isCleared ? "bringBack" : "backToTable");
  }

  /** Leads to the next reading, by camera if the last one was, too. */
  #another(): void {
    if (this.#shown?.from === "camera") this.#openCamera();
    else this.#restart();
  }

  #openCamera(): void {
    this.#begin();
    arrive({ section: "camera" });
    go("camera");
    void this.#camera.open();
  }

  /** Wires what is of use once a reading is there. Its code is loaded after what reads. */
  async #wireLater(): Promise<void> {
    const { watchKeys, wireTakeaway } = await import("./later");
    if (this.#isWired) return;
    this.#isWired = true;
    wireTakeaway(() => this.#shown);
    watchKeys(
      {
        choose: () => pressed("choose", "start", "batch", "result"),
        save: () => pressed("save", "result") || pressed("batch-xlsx", "batch"),
        copy: () => pressed("copy-row", "result") || pressed("batch-copy", "batch"),
        undo: () =>
          pressed("batch-undo", "batch") ||
          (this.#batch?.isCleared === true && pressed("start-table", "start")),
        back: () =>
          pressed("edit-done", "result") ||
          pressed("to-table", "result") ||
          pressed("busy-cancel", "busy"),
      },
      () => !at("view-read").hidden,
    );
  }

  #wire(): void {
    watchFiles((files) => void this.#accept(files));
    offerSamples((file, name) => void this.#open(file, name));
    at("camera-open").addEventListener("click", () => this.#openCamera());
    at("busy-cancel").addEventListener("click", () => {
      const isDrawing = this.#paging !== undefined;
      this.#restart();
      // Whoever waits for pages waits for no download.
      if (!isDrawing) this.#client.stop();
    });
    at("camera-close").addEventListener("click", () => this.#restart());
    at("view-read").addEventListener("leave", () => {
      if (!isShown("camera")) return;
      this.#leave();
      this.#showWayBack();
      go("start");
    });
    for (const button of document.querySelectorAll(".again"))
      button.addEventListener("click", () => this.#another());
    at("to-table").addEventListener("click", () => {
      this.#forget();
      this.#showTable();
    });
    at("start-table").addEventListener("click", () => {
      if (this.#batch?.isCleared === true) this.#batch.undo();
      this.#showTable();
    });
    onReturn((place) => this.#return(place));
    for (const radio of document.querySelectorAll("input[name=precision]"))
      radio.addEventListener("change", () => void this.#readAgain());
    at("edit").addEventListener("click", () =>
      this.#edit().catch((thrown: unknown) => this.#fail(thrown)),
    );
    watchKey();
    onLanguage(() => {
      this.#show();
      this.#showKernels();
      this.#showWayBack();
    });
  }
}

/** Starts the view. `client` reads for it. */
export function startReading(client: Client): void {
  void new ReadingView(client).start();
  const press = takePress();
  // Whoever has gone to another view meanwhile finds it done when they come back.
  if (press !== undefined && isAble())
    at("view-read").addEventListener("enter", press, { once: true });
}
