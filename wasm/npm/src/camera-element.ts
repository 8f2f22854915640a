/** `<mrz-camera>`: reads documents that are held in front of a camera. */
import { Agreement, type Progress as Agreed } from "./agreement.js";
import type { Client } from "./client.js";
import { Camera, CameraError, type Trouble } from "./device.js";
import { MrzElement, el, newClient, type TroubleCode } from "./element.js";
import { FrameWatch, Ways, fileOf, type Frame } from "./frames.js";
import { hintFor, type Hint } from "./hints.js";
import { Mirror } from "./mirror.js";
import { Photographer } from "./photo.js";
import type { Result } from "./result.js";

/** The `detail` of the event `reading` of a camera. */
export interface CameraReading {
  result: Result;
  /** The last frame as a PNG file, or the photo of small print as the camera encoded it. */
  picture: Blob;
}

/** The `detail` of the event `progress` of a camera: one for each frame. */
export interface CameraProgress {
  /** The answer for the frames so far. */
  result: Result;
  hint: Hint;
  fields: Agreed["fields"];
  /** Whether the camera delivers mirrored frames, which are flipped before they are read. */
  mirrored: boolean;
}

/** The frame's way is chosen once for all cameras of a page. */
const ways = new Ways();

const CODES: Record<Trouble, TroubleCode & `Camera${string}`> = {
  cameraDenied: "CameraDenied",
  cameraNone: "CameraNone",
  cameraBusy: "CameraBusy",
  cameraLost: "CameraLost",
  cameraInsecure: "CameraInsecure",
};
/** How long a hint stays; milliseconds. */
const HINT_MS = 1500;

/**
 * A camera with a guide. A button starts it, and its content replaces the button's text; `start()`
 * and the attribute `autostart` do it too. It stops at the first reading; with `continuous` it goes
 * on with the next document.
 *
 * Events: `reading` (`CameraReading`), `progress` for each frame (`CameraProgress`), `trouble`
 * (`TroubleDetail`). Attributes: `precision`, `formats`, `language`, `guide` (`passport`, `card` or
 * `none`), `continuous`, `autostart`. Parts: `view`, `guide`, `hint`, `button`, `use`.
 */
export class MrzCamera extends MrzElement {
  static override readonly observedAttributes = ["language", "guide"];
  readonly #agreement = new Agreement();
  #client: Client | undefined;
  #camera: Camera | undefined;
  #photos: Photographer | undefined;
  #session: AbortController | undefined;
  /** The last frame that shows the document. */
  #best: Frame | undefined;
  #hint: keyof MrzElement["texts"] | undefined;
  #hintSince = 0;
  /** Stopped because the page is not visible. */
  #paused = false;
  readonly #follow = (): void => {
    if (document.hidden && this.isRunning) {
      this.stop();
      this.#paused = true;
    } else if (!document.hidden && this.#paused) void this.start();
  };

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.#follow);
    if (this.hasAttribute("autostart")) void this.start();
  }

  disconnectedCallback(): void {
    document.removeEventListener("visibilitychange", this.#follow);
    this.stop();
    this.#client?.stop();
  }

  /** Whether the camera is on. */
  get isRunning(): boolean {
    return this.#session !== undefined;
  }

  /** Starts the camera. Call it while a press is handled. Resolves when it has stopped. */
  async start(): Promise<void> {
    this.stop();
    const session = new AbortController();
    this.#session = session;
    const client = (this.#client ??= newClient());
    const video = this.root.querySelector("video") as HTMLVideoElement;
    const camera = new Camera(video);
    this.#camera = camera;
    this.#photos = new Photographer(camera, (photo) => client.read(photo, this.precision));
    this.#agreement.forget();
    this.#show("live");
    this.#say("hintStart", true);
    try {
      if (!(await camera.start())) return;
      camera.onLost(() => {
        if (this.#session === session) this.#fail(new CameraError("cameraLost"));
      });
      this.#turn(false);
      await this.#frames(client, video, session.signal);
    } catch (thrown) {
      if (this.#session === session) this.#fail(thrown);
    }
  }

  /** Stops the camera; its light goes out. */
  stop(): void {
    this.#paused = false;
    this.#session?.abort();
    this.#session = undefined;
    this.#camera?.stop();
    this.#camera = undefined;
    this.#keep(undefined);
    if (this.isConnected) this.#show("ask");
  }

  /** Shows a camera that faces the person as a mirror, whether its frames are mirrored or not. */
  #turn(mirrored: boolean): void {
    this.at("view").toggleAttribute("data-flipped", this.#camera?.facesUser !== mirrored);
  }

  async #frames(client: Client, video: HTMLVideoElement, signal: AbortSignal): Promise<void> {
    const watch = new FrameWatch(video, signal);
    const mirror = new Mirror();
    await client.forget(this.precision);
    while (!signal.aborted) {
      await watch.next();
      const frame = signal.aborted ? null : await ways.read(client, video, this.precision, mirror);
      if (frame === null) continue;
      if (signal.aborted) {
        frame.still.close();
        return;
      }
      this.#turn(mirror.isOn);
      if (await this.#take(frame)) {
        this.#agreement.forget();
        this.#photos?.forget();
        await client.forget(this.precision);
      }
    }
  }

  /** Handles the answer to a frame. Resolves to true if another document begins. */
  async #take(frame: Frame): Promise<boolean> {
    const { result, light } = frame;
    const agreed = this.#agreement.add(result, performance.now());
    // A camera that mirrors its frames may not mirror its photos.
    if (!frame.still.mirrored) this.#photos?.add(result);
    const photo = this.#photos?.photo?.result;
    const other = !this.accepts((photo ?? result).document);
    const hint = hintFor(result, agreed, light);
    this.tell("progress", {
      result,
      hint,
      fields: agreed.fields,
      mirrored: frame.still.mirrored,
    } satisfies CameraProgress);
    this.#say(other ? "OtherFormat" : hint);
    this.at("use").hidden = (!agreed.offer && photo === undefined) || other;
    if (result.document === null || result.quads.length === 0) frame.still.close();
    else this.#keep(frame);
    const { lines } = photo ?? result;
    if ((agreed.done || photo?.valid === true) && !other && this.#finished !== lines.join()) {
      await this.#finish();
      return true;
    }
    if (agreed.away) this.#finished = undefined;
    return agreed.gone;
  }

  /** The lines of the last reading, so that a document that stays is not read twice. */
  #finished: string | undefined;

  async #finish(): Promise<void> {
    const frame = this.#best;
    const photo = this.#photos?.photo;
    const result = photo?.result ?? frame?.result;
    if (result === undefined) return;
    // What is kept must not be freed before its picture is made.
    this.#best = undefined;
    this.#finished = result.lines.join();
    const goesOn = this.hasAttribute("continuous");
    if (!goesOn) this.#camera?.stop();
    this.#say("done", true);
    try {
      const picture =
        photo?.picture ?? (frame && (await fileOf(frame.still, document.createElement("canvas"))));
      if (picture === undefined) return;
      if (!goesOn) {
        this.stop();
        this.#finished = undefined;
      }
      this.tell("reading", { result, picture } satisfies CameraReading);
    } finally {
      frame?.still.close();
    }
  }

  #keep(frame: Frame | undefined): void {
    this.#best?.still.close();
    this.#best = frame;
    frame?.still.keep();
  }

  #fail(thrown: unknown): void {
    this.stop();
    if (thrown instanceof CameraError) {
      const code = CODES[thrown.trouble];
      this.#say(code, true);
      this.tell("trouble", { code, message: this.texts[code] });
    } else {
      this.#say("failed", true);
      this.tellTrouble(thrown);
    }
  }

  #say(key: keyof MrzElement["texts"], atOnce = false): void {
    const now = performance.now();
    if (!atOnce && (key === this.#hint || now - this.#hintSince < HINT_MS)) return;
    this.#hint = key;
    this.#hintSince = now;
    this.at("hint").dataset["hint"] = key;
    this.at("hint").textContent = this.texts[key];
  }

  #show(state: "ask" | "live"): void {
    const view = this.at("view");
    view.dataset["state"] = state;
    this.at("button").hidden = state === "live";
    this.at("use").hidden = true;
    if (state === "ask") view.removeAttribute("data-flipped");
  }

  protected draw(): void {
    // Another language or guide must not end the video.
    if (this.root.childElementCount === 0) this.#build();
    const slot = this.root.querySelector("slot") as HTMLSlotElement;
    slot.replaceChildren(this.texts.start);
    this.at("use").textContent = this.texts.use;
    const guide = this.getAttribute("guide") ?? "passport";
    this.at("guide").dataset["guide"] = guide;
    this.at("view").dir = this.direction;
    if (this.#hint !== undefined) this.#say(this.#hint, true);
  }

  #build(): void {
    const video = el("video", { playsinline: "", "aria-hidden": "true" }) as HTMLVideoElement;
    video.muted = true;
    this.fill(
      `.view { position: relative; overflow: hidden; display: grid; place-items: center;
        aspect-ratio: var(--mrz-ratio, 4 / 3); background: var(--mrz-background, #14181a);
        border-radius: var(--mrz-radius, 0.6rem); color: #fff; }
      video { position: absolute; inset: 0; inline-size: 100%; block-size: 100%;
        object-fit: cover; }
      [data-flipped] video { transform: scaleX(-1); }
      [data-state="ask"] video, [data-state="ask"] .guide, [data-guide="none"] { display: none; }
      .guide { position: absolute; inline-size: 88%; aspect-ratio: 125 / 88;
        border: 3px solid var(--mrz-guide, #fffc); border-radius: 0.6rem; }
      .guide[data-guide="card"] { aspect-ratio: 85.6 / 54; }
      .hint { position: absolute; inset-block-end: 0.5rem; margin: 0 0.5rem; padding: 0.4em 0.9em;
        border-radius: 1em; background: #000b; text-align: center; }
      .hint:empty { display: none; }
      button { position: relative; }
      .use { position: absolute; inset-block-start: 0.5rem; }`,
      el(
        "div",
        { class: "view", part: "view", "data-state": "ask" },
        video,
        el("div", { class: "guide", part: "guide", "aria-hidden": "true" }),
        el("button", { part: "button", type: "button" }, el("slot")),
        el("button", { class: "use", part: "use", type: "button", hidden: "" }),
        el("p", { class: "hint", part: "hint", role: "status" }),
      ),
    );
    this.at("button").addEventListener("click", () => void this.start());
    this.at("use").addEventListener("click", () => void this.#finish());
  }
}
