/**
 * The camera view: asks for permission, shows the video and the fields, and stops when the document
 * is read.
 */
import type { Precision, Result } from "nibble-mrz";
import {
  Agreement,
  Camera,
  CameraError,
  Photographer,
  fileOf,
  hintFor,
  onAllowed,
  permission,
  type Client,
  type Frame,
  type Photo,
  type Trouble,
} from "nibble-mrz/parts";
import { at, outline } from "../dom";
import { onLanguage } from "../language";
import { t, type Key } from "../messages";
import { quietly } from "../quiet";
import { Controls } from "./controls";
import { Hints } from "./hints";
import { showFields } from "./live";
import { readFrames } from "./session";
import { Signal } from "./signal";

/** What the camera view needs from the rest of the page. */
export interface Calls {
  /** Returns the precision chosen. */
  precision(): Precision;
  /**
   * Receives the result of a document, its picture as a file, and the key of a notice about it.
   */
  read(result: Result, picture: Blob, notice: Key | undefined): void;
  /** Returns a result with those documents that are not in the table yet; null if all are. */
  unread(result: Result): Result | null;
  /** Is told that the picture is empty. */
  emptied(): void;
  /** Puts the documents of a result in the table and goes on. Resolves to the number of rows. */
  collect(result: Result, picture: Blob): Promise<number>;
  /** Takes back the last row. Returns the number of rows. */
  undo(): number;
  /** Leaves the camera for the table. */
  showTable(): void;
  /** Receives an error of the reader. */
  failed(error: unknown): void;
}

/** A reading that ends the search, with its picture. */
interface Taken {
  result: Result;
  /** Makes a file of the picture; what it shows stays on the canvas. */
  picture(canvas: HTMLCanvasElement): Promise<Blob>;
  notice: Key | undefined;
}

const ofFrame = ({ result, still }: Frame): Taken => ({
  result,
  picture: (canvas) => fileOf(still, canvas),
  notice: still.mirrored ? "mirrored" : undefined,
});

const ofPhoto = ({ result, picture }: Photo): Taken => ({
  result,
  picture: async (canvas) => {
    // The canvas stands in for the video while the sign of success is shown.
    const bitmap = await createImageBitmap(picture);
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    bitmap.close();
    return picture;
  },
  notice: "photoTaken",
});

type State = "ask" | "live" | "done" | Trouble;

/** How long the signal of success is shown before the result; milliseconds. */
const DONE_MS = 650;

const TITLES = { ask: "cameraAsk", live: "cameraTitle", done: "cameraTitle" } as const;

/** The view in `#camera`. */
export class CameraView {
  readonly #client: Client;
  readonly #calls: Calls;
  readonly #camera = new Camera(at<HTMLVideoElement>("video"));
  readonly #signal = new Signal();
  readonly #controls = new Controls(
    this.#camera,
    this.#signal,
    (device) => void this.#start(device),
  );
  readonly #hints = new Hints(at("camera-hint"));
  readonly #agreement = new Agreement();
  readonly #photos = new Photographer(this.#camera, (photo) =>
    this.#client.read(photo, this.#calls.precision()),
  );
  #state: State = "ask";
  /** Ends the reading of frames. */
  #session: AbortController | undefined;
  /** Whether the tab went to the background while the camera ran. */
  #paused = false;
  /** Whether the camera was allowed during this visit; if so, it needs no explanation again. */
  #allowed = false;
  /** The last frame in which a document was read. */
  #best: Frame | undefined;

  constructor(client: Client, calls: Calls) {
    this.#client = client;
    this.#calls = calls;
    at("camera-start").addEventListener("click", () => {
      this.#signal.ready();
      void this.#start(this.#camera.device);
    });
    at("camera-use").addEventListener("click", () => {
      void this.#use();
    });
    at("series-undo").addEventListener("click", () => this.#count(this.#calls.undo()));
    at("series-table").addEventListener("click", () => this.#calls.showTable());
    const video = at<HTMLVideoElement>("video");
    video.addEventListener("resize", () => {
      const upright = video.videoHeight > video.videoWidth;
      video.parentElement?.setAttribute("data-upright", String(upright));
    });
    document.addEventListener("visibilitychange", () => this.#follow());
    onAllowed(() => {
      if (this.#state === "cameraDenied" && !at("camera").hidden) void this.#start();
    });
    onLanguage(() => {
      this.#label();
      this.#hints.translate();
      if (at("camera-mirror").textContent !== "")
        at("camera-mirror").textContent = t("cameraMirrors");
    });
  }

  /**
   * Opens the view: with an explanation if the browser is going to ask, otherwise with the video.
   * Call this while a press is being handled.
   */
  async open(): Promise<void> {
    this.#signal.ready();
    const state = await permission();
    if (state === "denied") this.#show("cameraDenied");
    else if (state === "granted" || this.#allowed) await this.#start(this.#camera.device);
    else this.#show("ask");
  }

  /** Stops the camera and forgets what was read. */
  close(): void {
    this.#stop();
    this.#paused = false;
    this.#calls.emptied();
    this.#count(0);
    this.#keep(undefined);
  }

  #show(state: State): void {
    this.#state = state;
    const section = at("camera");
    const trouble = state !== "ask" && state !== "live" && state !== "done";
    section.dataset["state"] = trouble ? "trouble" : state;
    section.dataset["trouble"] = trouble ? state : "";
    at("camera-live").hidden = trouble || state === "ask";
    at("camera-text").hidden = !trouble && state !== "ask";
    // Without a secure connection, asking again is useless.
    at("camera-start").hidden = state === "live" || state === "done" || state === "cameraInsecure";
    at("camera-use").hidden = true;
    this.#label();
    if (state !== "done") at("camera-title").focus({ preventScroll: true });
  }

  #label(): void {
    const state = this.#state;
    const known = state === "ask" || state === "live" || state === "done";
    at("camera-title").textContent = t(known ? TITLES[state] : state);
    at("camera-text").textContent = known ? t("cameraAskText") : t(`${state}Text`);
    at("camera-start").textContent = t(known ? "cameraStart" : "retry");
  }

  async #start(device?: string): Promise<void> {
    this.#stop();
    this.#show("live");
    this.#hints.set("hintStart");
    // Zero frames: the camera has not delivered one yet.
    at("camera").dataset["frames"] = "0";
    showFields(new Map());
    try {
      if (!(await this.#camera.start(device))) return;
    } catch (thrown) {
      this.#show(thrown instanceof CameraError ? thrown.trouble : "cameraNone");
      return;
    }
    this.#allowed = true;
    this.#camera.onLost(() => {
      this.#stop();
      this.#show("cameraLost");
    });
    this.#turn(false);
    await this.#controls.refresh();
    await this.#read();
  }

  /**
   * Shows the video as a mirror if the camera faces the person, and else the right way round,
   * whether its frames are `mirrored` or not. What is read is never mirrored.
   */
  #turn(mirrored: boolean): void {
    const { facesUser } = this.#camera;
    const { dataset } = at("camera");
    // Frames come fast, and this seldom changes.
    const turned = `${facesUser} ${mirrored}`;
    if (dataset["turned"] === turned) return;
    dataset["turned"] = turned;
    const box = at("video").parentElement;
    box?.toggleAttribute("data-mirrored", facesUser);
    box?.toggleAttribute("data-flipped", facesUser !== mirrored);
    at("camera-mirror").textContent = mirrored ? t("cameraMirrors") : "";
  }

  async #read(): Promise<void> {
    const session = new AbortController();
    this.#session = session;
    this.#forget();
    try {
      const video = at<HTMLVideoElement>("video");
      await quietly(() =>
        readFrames(this.#client, video, this.#calls.precision(), session.signal, (frame) =>
          this.#take(frame),
        ),
      );
    } catch (thrown) {
      this.close();
      this.#calls.failed(thrown);
    }
  }

  /** Handles one more answer. Returns true if the frames so far are to be forgotten. */
  #take(frame: Frame): boolean {
    const { result, light } = frame;
    this.#turn(frame.still.mirrored);
    const progress = this.#agreement.add(result, performance.now());
    outline(at<SVGSVGElement>("camera-overlay"), result.quads, result.width, result.height);
    this.#hints.show(hintFor(result, progress, light), performance.now());
    showFields(progress.fields);
    // A camera that mirrors its frames may not mirror its photos.
    if (!frame.still.mirrored) this.#photos.add(result);
    const { photo, state } = this.#photos;
    at("camera").dataset["photo"] = state;
    at("camera-use").hidden = !progress.offer && photo === undefined;
    if (result.document === null || result.quads.length === 0) frame.still.close();
    else this.#keep(frame);
    if (progress.away) this.#calls.emptied();
    if (progress.done || photo?.result.valid === true) {
      const taken = photo?.result.valid === true ? ofPhoto(photo) : ofFrame(frame);
      if (!at<HTMLInputElement>("series").checked) void this.#finish(taken);
      else if (this.#collect(taken)) return true;
    }
    if (!progress.gone) return false;
    this.#forget();
    return true;
  }

  /** Takes what there is of a document: its photo, or the last frame in which it was read. */
  async #use(): Promise<void> {
    const { photo } = this.#photos;
    if (photo !== undefined) await this.#finish(ofPhoto(photo));
    else if (this.#best !== undefined) await this.#finish(ofFrame(this.#best));
  }

  /** Begins a new document. */
  #forget(): void {
    this.#agreement.forget();
    this.#photos.forget();
  }

  /** Puts the documents in the table once. Returns true if the next one begins. */
  #collect(taken: Taken): boolean {
    const result = this.#calls.unread(taken.result);
    if (result === null) return false;
    // From here on the frame is not freed by the next one.
    const frame = this.#best;
    this.#best = undefined;
    this.#signal.done();
    this.#hints.set("done");
    taken
      .picture(document.createElement("canvas"))
      .then((picture) => this.#calls.collect(result, picture))
      .then((count) => this.#count(count))
      .catch((thrown: unknown) => this.#calls.failed(thrown))
      .finally(() => frame?.still.close());
    this.#forget();
    return true;
  }

  /** Says how many documents are in the table. */
  #count(rows: number): void {
    at("series-said").textContent = rows === 0 ? "" : t("seriesCount", { count: rows });
    at("series-undo").hidden = at("series-table").hidden = rows === 0;
  }

  #keep(frame: Frame | undefined): void {
    this.#best?.still.close();
    this.#best = frame;
    frame?.still.keep();
  }

  async #finish(taken: Taken): Promise<void> {
    this.#stop();
    this.#show("done");
    this.#hints.set("done");
    this.#signal.done();
    const picture = await taken.picture(at<HTMLCanvasElement>("camera-still"));
    this.#keep(undefined);
    await new Promise((resolve) => setTimeout(resolve, DONE_MS));
    // Otherwise the person has left the view meanwhile.
    if (this.#state === "done" && !at("camera").hidden)
      this.#calls.read(taken.result, picture, taken.notice);
  }

  #stop(): void {
    this.#session?.abort();
    this.#session = undefined;
    this.#camera.stop();
    outline(at<SVGSVGElement>("camera-overlay"), [], 1, 1);
  }

  /** Turns the camera off in the background, and the same one on again afterwards. */
  #follow(): void {
    if (document.hidden && this.#state === "live" && !at("camera").hidden) {
      this.#paused = true;
      this.#stop();
    } else if (!document.hidden && this.#paused) {
      this.#paused = false;
      void this.#start(this.#camera.device);
    }
  }
}
