/** Frames of a video as the person sees them. */
import { NibbleError } from "./error.js";
import type { Luma, Part } from "./luma.js";
import type { Mirror } from "./mirror.js";
import type { How } from "./protocol.js";
import type { Precision, Result } from "./result.js";

/** What reads frames. */
export interface FrameReader {
  /** Reads a picture of a frame; the picture comes back with the answer. */
  frame(
    picture: ImageBitmap,
    precision: Precision,
    how: How,
  ): Promise<{ result: Result; picture: ImageBitmap; light: number }>;
  /** Reads the luma of a part of a frame. Rejects with `Unsupported` if there is none. */
  luma(
    frame: VideoFrame,
    part: Part,
    size: Luma["size"],
    precision: Precision,
    mirrored: boolean,
  ): Promise<{ result: Result; light: number }>;
  /** Begins a new document. */
  forget(precision: Precision): Promise<void>;
}

/**
 * Maximum number of pixels of a frame to read. A passport that fills the guide then has 20 pixels
 * per character; the network sees 15. More pixels would be discarded, and locating takes time for
 * each.
 */
const MAX_PIXELS = 1024 * 768;
/**
 * Interval between frames in browsers that do not announce new ones, in milliseconds: longer than a
 * camera's frame lasts, so that none is read twice.
 */
const FRAME_MS = 50;
/**
 * Maximum wait for a browser to announce a frame, in milliseconds. WebKitGTK sometimes announces
 * none although the stream has them.
 */
const PATIENCE_MS = 300;

/**
 * Watches a video for new frames: each is read once, and a frame that is already there is not
 * waited for.
 */
export class FrameWatch {
  readonly #video: HTMLVideoElement;
  readonly #signal: AbortSignal;
  #fresh = false;
  #wake: (() => void) | undefined;

  constructor(video: HTMLVideoElement, signal: AbortSignal) {
    this.#video = video;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
    this.#watch();
  }

  /** Resolves when there is a new frame, or at once when aborted. */
  async next(): Promise<void> {
    if (!this.#fresh && !this.#signal.aborted)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#fresh = false;
  }

  #watch(): void {
    if (this.#signal.aborted) return;
    const video = this.#video;
    const seen = () => {
      clearTimeout(timer);
      if (tells) video.cancelVideoFrameCallback(told);
      this.#fresh = true;
      this.#wake?.();
      this.#watch();
    };
    const tells = "requestVideoFrameCallback" in video;
    const told = tells ? video.requestVideoFrameCallback(seen) : 0;
    const timer = setTimeout(seen, tells ? PATIENCE_MS : FRAME_MS);
  }
}

/**
 * Returns the part of a frame that is visible in a box with `object-fit: cover`, in pixels of the
 * frame.
 */
export function visiblePart(
  frame: { width: number; height: number },
  box: { width: number; height: number },
): { x: number; y: number; width: number; height: number } {
  const scale = Math.max(box.width / frame.width, box.height / frame.height);
  const width = Math.min(frame.width, Math.round(box.width / scale));
  const height = Math.min(frame.height, Math.round(box.height / scale));
  return {
    x: Math.floor((frame.width - width) / 2),
    y: Math.floor((frame.height - height) / 2),
    width,
    height,
  };
}

/** What is read of a frame: the part that is visible, and at which size. */
interface View {
  part: { x: number; y: number; width: number; height: number };
  size: { width: number; height: number };
}

/** The sizes of videos on their pages, as the observer last told; CSS pixels. */
const boxes = new WeakMap<Element, { width: number; height: number }>();
let observer: ResizeObserver | undefined;

/** Returns the size of a video on its page. Asking for it has the browser lay out the page: once. */
function boxOf(video: HTMLVideoElement): { width: number; height: number } {
  const known = boxes.get(video);
  if (known !== undefined) return known;
  const box = { width: video.clientWidth, height: video.clientHeight };
  boxes.set(video, box);
  observer ??= new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries)
      boxes.set(target, { width: contentRect.width, height: contentRect.height });
  });
  observer.observe(video);
  return box;
}

/** Returns what to read of a video's frames; null if it has none. */
function viewOf(video: HTMLVideoElement): View | null {
  const frame = { width: video.videoWidth, height: video.videoHeight };
  const box = boxOf(video);
  if (frame.width === 0 || frame.height === 0 || box.width === 0 || box.height === 0) return null;
  const part = visiblePart(frame, box);
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (part.width * part.height)));
  const size = {
    width: Math.max(1, Math.floor(part.width * scale)),
    height: Math.max(1, Math.floor(part.height * scale)),
  };
  return { part, size };
}

/** Makes a picture of what is read of a frame. */
function bitmapOf(
  source: HTMLVideoElement | VideoFrame,
  { part, size }: View,
): Promise<ImageBitmap> {
  return createImageBitmap(source, part.x, part.y, part.width, part.height, {
    resizeWidth: size.width,
    resizeHeight: size.height,
    // Averaging neighbours is enough down to half the size.
    resizeQuality: size.width < 0.5 * part.width ? "medium" : "low",
  });
}

/**
 * How long a frame of the camera is held before it becomes a picture, in milliseconds. A camera has
 * few frames, and waits for those that are held. But a picture costs more than a reading, and while a
 * document is in view, the next reading replaces it.
 */
const HELD_MS = 400;

/** What a person may see of a frame after it was read. Close it, or what `bitmap` returns. */
export class Still {
  #source: ImageBitmap | VideoFrame | Promise<ImageBitmap>;
  readonly #view: View;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the source is flipped before anybody sees it: left and right are exchanged. */
  readonly mirrored: boolean;

  constructor(source: ImageBitmap | VideoFrame, view: View, mirrored: boolean) {
    this.#source = source;
    this.#view = view;
    this.mirrored = mirrored;
  }

  /** Prepares for being kept longer than the next frame. */
  keep(): void {
    this.#timer ??= setTimeout(() => this.#picture(), HELD_MS);
  }

  /** The frame as the camera delivered it. */
  async bitmap(): Promise<ImageBitmap> {
    return this.#picture();
  }

  /** Makes a picture of a frame of the camera, and gives the frame back. */
  #picture(): ImageBitmap | Promise<ImageBitmap> {
    clearTimeout(this.#timer);
    const source = this.#source;
    if (source instanceof Promise || source instanceof ImageBitmap) return source;
    const picture = bitmapOf(source, this.#view).finally(() => source.close());
    // Whoever wants the picture learns that there is none.
    picture.catch(() => undefined);
    this.#source = picture;
    return picture;
  }

  close(): void {
    clearTimeout(this.#timer);
    const source = this.#source;
    if (source instanceof Promise)
      source.then(
        (picture) => picture.close(),
        () => undefined,
      );
    else source.close();
  }
}

/** An answer for a frame and those before, its mean brightness, and the frame. */
export interface Frame {
  result: Result;
  /** 0 to 255. */
  light: number;
  still: Still;
}

/** A way from a video to the reader. Resolves to null if the video has no frame for a moment. */
type Way = (
  client: FrameReader,
  video: HTMLVideoElement,
  precision: Precision,
  how: How,
) => Promise<Frame | null>;

/** By way of a picture, which the browser scales and the worker draws. */
const byPicture: Way = async (client, video, precision, how) => {
  const view = viewOf(video);
  if (view === null) return null;
  let picture: ImageBitmap;
  try {
    picture = await bitmapOf(video, view);
  } catch {
    // The video has no frame for a moment while devices change.
    return null;
  }
  const { result, light, picture: returned } = await client.frame(picture, precision, how);
  return { result, light, still: new Still(returned, view, how.mirrored) };
};

/** By way of the frame's luma, which the worker copies from it. */
const byLuma: Way = async (client, video, precision, { mirrored }) => {
  const view = viewOf(video);
  if (view === null) return null;
  const frame = new VideoFrame(video);
  const still = new Still(frame, view, mirrored);
  try {
    const { displayWidth: width, displayHeight: height, visibleRect } = frame;
    // Elsewhere pixels are not square, or the video is shown turned.
    if (visibleRect?.width !== width || visibleRect.height !== height)
      throw new NibbleError("Unsupported", "the frame is stored in another shape");
    if (video.videoWidth !== width || video.videoHeight !== height)
      throw new NibbleError("Unsupported", "the frame is shown in another shape");
    const answer = await client.luma(frame.clone(), view.part, view.size, precision, mirrored);
    return { ...answer, still };
  } catch (thrown) {
    still.close();
    throw thrown;
  }
};

/** Number of frames that take each way before one is chosen. */
const TRIALS = 5;

/**
 * Chooses the way of frames by measuring: copying luma is quicker, except where frames have to come
 * back from a graphics card.
 */
export class Ways {
  /** Milliseconds that frames took each way, without reading. */
  readonly #times = { luma: [] as number[], picture: [] as number[] };
  #chosen: "luma" | "picture" | undefined = "VideoFrame" in globalThis ? undefined : "picture";

  /** The way that was chosen; undefined while both are tried. */
  get chosen(): "luma" | "picture" | undefined {
    return this.#chosen;
  }

  /**
   * Reads the current frame; null if there is none, or if its answer does not count. `mirror`
   * follows the camera: after some frames without a valid text, it has one frame read the other way
   * round. The answer to such a frame counts only if it is valid.
   */
  async read(
    client: FrameReader,
    video: HTMLVideoElement,
    precision: Precision,
    mirror: Mirror,
  ): Promise<Frame | null> {
    if (mirror.isDue) return this.#try(client, video, precision, mirror);
    const frame = await this.#read(client, video, precision, mirror.isOn);
    if (frame !== null) mirror.add(frame.result);
    return frame;
  }

  /** Reads a frame the other way round. */
  async #try(
    client: FrameReader,
    video: HTMLVideoElement,
    precision: Precision,
    mirror: Mirror,
  ): Promise<Frame | null> {
    const how = { mirrored: !mirror.isOn, alone: true };
    const frame = await byPicture(client, video, precision, how);
    if (frame === null) return null;
    mirror.tried(frame.result);
    if (!frame.result.valid) {
      frame.still.close();
      return null;
    }
    // Frames before this one were read the wrong way round: forget what they seemed to say.
    await client.forget(precision);
    return frame;
  }

  async #read(
    client: FrameReader,
    video: HTMLVideoElement,
    precision: Precision,
    mirrored: boolean,
  ): Promise<Frame | null> {
    const { luma, picture } = this.#times;
    const way = this.#chosen ?? (luma.length > picture.length ? "picture" : "luma");
    const begin = performance.now();
    let frame: Frame | null;
    try {
      frame = await (way === "luma" ? byLuma : byPicture)(client, video, precision, {
        mirrored,
        alone: false,
      });
    } catch (thrown) {
      if (way === "picture") throw thrown;
      // The next frame goes the way that every browser has, and tells what else may be wrong.
      this.#chosen = "picture";
      return null;
    }
    if (frame !== null && this.#chosen === undefined) {
      const { locate, network } = frame.result.ms;
      this.#times[way].push(performance.now() - begin - locate - network);
      if (picture.length === TRIALS) this.#choose();
    }
    return frame;
  }

  #choose(): void {
    const median = (times: number[]) => times.sort((a, b) => a - b)[TRIALS >> 1] ?? Infinity;
    const { luma, picture } = this.#times;
    this.#chosen = median(luma) < median(picture) ? "luma" : "picture";
  }
}

/**
 * Converts a frame to a file for the result to show, as it was read. The frame also stays on the
 * canvas.
 */
export async function fileOf(still: Still, canvas: HTMLCanvasElement): Promise<Blob> {
  const frame = await still.bitmap();
  canvas.width = frame.width;
  canvas.height = frame.height;
  const context = canvas.getContext("2d");
  if (still.mirrored) context?.setTransform(-1, 0, 0, 1, frame.width, 0);
  context?.drawImage(frame, 0, 0);
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob === null ? reject(new Error("the frame cannot be encoded")) : resolve(blob)),
      "image/png",
    );
  });
}
