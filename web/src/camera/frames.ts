/** Frames of a video, as the person sees them. */

/** Resolves when the video has a new frame, at once when aborted. */
export function nextFrame(video: HTMLVideoElement, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener("abort", done);
      resolve();
    };
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
    else if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(done);
    else requestAnimationFrame(done);
  });
}

/** The part of a frame that is on the screen where the video covers its box, in pixels of the frame. */
export function visiblePart(
  frame: { width: number; height: number },
  box: { width: number; height: number },
): { x: number; y: number; width: number; height: number } {
  const scale = Math.max(box.width / frame.width, box.height / frame.height);
  const width = Math.min(frame.width, Math.round(box.width / scale));
  const height = Math.min(frame.height, Math.round(box.height / scale));
  return { x: Math.floor((frame.width - width) / 2), y: Math.floor((frame.height - height) / 2), width, height };
}

/** The visible part of the frame of the moment; null while there is none. */
export async function grab(video: HTMLVideoElement): Promise<ImageBitmap | null> {
  const frame = { width: video.videoWidth, height: video.videoHeight };
  const box = { width: video.clientWidth, height: video.clientHeight };
  if (frame.width === 0 || frame.height === 0 || box.width === 0 || box.height === 0) return null;
  const { x, y, width, height } = visiblePart(frame, box);
  try {
    return await createImageBitmap(video, x, y, width, height);
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
    canvas.toBlob((blob) => (blob === null ? reject(new Error("the frame cannot be encoded")) : resolve(blob)), "image/png");
  });
}
