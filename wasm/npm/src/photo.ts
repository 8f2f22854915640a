/**
 * Takes a still photo where the print is too small in the frames of a video: photos have more
 * pixels.
 */
import type { Camera } from "./device.js";
import { SMALL, heightOf } from "./hints.js";
import type { Result } from "./result.js";

/** Number of frames with lines, all of small print, before a photo is taken. */
const MIN_FRAMES = 15;
/** How long a photo may take; milliseconds. Some browsers never answer. */
const PATIENCE_MS = 5000;

/** A photo with its reading. */
export interface Photo {
  result: Result;
  /** As the camera encoded it. */
  picture: Blob;
}

/** Watches how large the print is in frames, and takes one photo of a document that needs it. */
export class Photographer {
  readonly #camera: Camera;
  readonly #read: (photo: Blob) => Promise<Result>;
  /** Height of the largest capitals so far, in pixels of the frame. */
  #largest = 0;
  #frames = 0;
  #photo: Photo | undefined;
  #state = "";
  /** Counts documents: a photo of an earlier one is dropped. */
  #turn = 0;

  /** `read` reads a photo by itself. */
  constructor(camera: Camera, read: (photo: Blob) => Promise<Result>) {
    this.#camera = camera;
    this.#read = read;
  }

  /** The photo of this document, once it is read and shows a document. */
  get photo(): Photo | undefined {
    return this.#photo;
  }

  /** `taking`, `taken`, or why there is no photo; empty while none is needed. */
  get state(): string {
    return this.#state;
  }

  /** Begins a new document. */
  forget(): void {
    this.#turn++;
    this.#largest = this.#frames = 0;
    this.#photo = undefined;
    this.#state = "";
  }

  /** Takes the answer to one more frame. It returns at once: a photo comes later, or never. */
  add({ quads, valid }: Result): void {
    if (quads.length === 0) return;
    this.#largest = Math.max(this.#largest, ...quads.map(heightOf));
    this.#frames++;
    const isNeeded = !valid && this.#frames >= MIN_FRAMES && this.#largest < SMALL;
    if (isNeeded && this.#state === "") void this.#take(this.#turn);
  }

  async #take(turn: number): Promise<void> {
    this.#state = "taking";
    let state: string;
    try {
      const picture = await this.#camera.takePhoto(AbortSignal.timeout(PATIENCE_MS));
      const result = await this.#read(picture);
      state = result.document === null ? "no document" : "taken";
      if (turn === this.#turn && result.document !== null) this.#photo = { result, picture };
    } catch (thrown) {
      // Frames are read as before, and the state says why there is no photo.
      state = thrown instanceof Error ? thrown.name : String(thrown);
    }
    if (turn === this.#turn) this.#state = state;
  }
}
