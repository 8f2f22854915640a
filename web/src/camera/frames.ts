/** Frames of a video as the person sees them. */

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

/**
 * Captures the visible part of the current frame at the size to read; null if there is no frame.
 */
export async function grab(video: HTMLVideoElement): Promise<ImageBitmap | null> {
  const frame = { width: video.videoWidth, height: video.videoHeight };
  const box = { width: video.clientWidth, height: video.clientHeight };
  if (frame.width === 0 || frame.height === 0 || box.width === 0 || box.height === 0) return null;
  const { x, y, width, height } = visiblePart(frame, box);
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (width * height)));
  const size: ImageBitmapOptions = {
    resizeWidth: Math.max(1, Math.floor(width * scale)),
    resizeHeight: Math.max(1, Math.floor(height * scale)),
    // Averaging neighbours is enough down to half the size.
    resizeQuality: scale < 0.5 ? "medium" : "low",
  };
  try {
    return await createImageBitmap(video, x, y, width, height, size);
  } catch {
    // The video has no frame for a moment while devices change.
    return null;
  }
}

/** Converts a frame to a file for the result to show. The frame also stays on the canvas. */
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
