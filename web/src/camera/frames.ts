/** Frames of a video, as the person sees them. */

/**
 * Pixels that a frame is read at. A passport that fills the guide then has 20 pixels a character;
 * the network sees 15, so more would be thrown away again, and locating takes time for each.
 */
const MAX_PIXELS = 1024 * 768;
/**
 * Longer than a frame of a camera lasts, so that browsers that do not tell of new frames do not
 * read one twice; milliseconds.
 */
const FRAME_MS = 50;
/**
 * Longest trust in a browser that tells of new frames, in milliseconds: WebKitGTK at times tells of
 * none that a stream has.
 */
const PATIENCE_MS = 300;

/**
 * Watches a video for new frames, so that each is read once and none is waited for that is already
 * there.
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

  /** Resolves when there is a frame that was not taken yet; at once when aborted. */
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
 * The part of a frame that is on the screen where the video covers its box, in pixels of the frame.
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

/** The visible part of the frame of the moment, at the size to read; null while there is none. */
export async function grab(video: HTMLVideoElement): Promise<ImageBitmap | null> {
  const frame = { width: video.videoWidth, height: video.videoHeight };
  const box = { width: video.clientWidth, height: video.clientHeight };
  if (frame.width === 0 || frame.height === 0 || box.width === 0 || box.height === 0) return null;
  const { x, y, width, height } = visiblePart(frame, box);
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (width * height)));
  const size: ImageBitmapOptions = {
    resizeWidth: Math.max(1, Math.floor(width * scale)),
    resizeHeight: Math.max(1, Math.floor(height * scale)),
    // Two pixels into one need no more than their neighbours.
    resizeQuality: scale < 0.5 ? "medium" : "low",
  };
  try {
    return await createImageBitmap(video, x, y, width, height, size);
  } catch {
    // Between two devices the video has no frame for a moment.
    return null;
  }
}

/** A frame as a file, for the result to show; it stays on the canvas too. */
export function fileOf(frame: ImageBitmap, canvas: HTMLCanvasElement): Promise<Blob> {
  canvas.width = frame.width;
  canvas.height = frame.height;
  canvas.getContext("2d")?.drawImage(frame, 0, 0);
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob === null ? reject(new Error("the frame cannot be encoded")) : resolve(blob)),
      "image/png",
    );
  });
}
