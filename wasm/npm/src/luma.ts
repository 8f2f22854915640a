/** The luma of a video's frame, where the browser lets it be copied without a conversion to RGB. */

/** A rectangle in pixels. */
export interface Part {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Luma row by row, one byte a pixel. */
export interface Luma {
  luma: Uint8Array;
  width: number;
  height: number;
  /** Whether it uses all values of a byte, or the range of video: 16 for black to 235 for white. */
  fullRange: boolean;
  /** The size to which it is scaled down before it is read. */
  size: { width: number; height: number };
}

/** Formats of frames that begin with a plane of luma in bytes. */
const PLANAR: readonly (string | null)[] = [
  "I420",
  "I420A",
  "I422",
  "I422A",
  "I444",
  "I444A",
  "NV12",
];

/** What newer browsers know of a frame. */
type Turned = VideoFrame & { rotation?: number; flip?: boolean };

/**
 * Copies the luma of a part of a frame, by default all of it; the reader scales it down to `size`.
 * Resolves to `null` if the frame does not store luma, or lies turned in memory: then draw it, and
 * read `ImageData`. `previous` is a result that is no longer needed: its memory is used again.
 */
export async function lumaOf(
  frame: VideoFrame,
  { part, size, previous }: { part?: Part; size?: Luma["size"]; previous?: Luma | undefined } = {},
): Promise<Luma | null> {
  const { format, visibleRect, colorSpace } = frame;
  const { rotation = 0, flip = false } = frame as Turned;
  if (!PLANAR.includes(format) || visibleRect === null || rotation !== 0 || flip) return null;
  // Chroma may have half the pixels, so that copies begin and end at even ones.
  const even = (value: number): number => value & ~1;
  const { width, height } = part ?? visibleRect;
  const rect = {
    x: even(visibleRect.x + (part?.x ?? 0)),
    y: even(visibleRect.y + (part?.y ?? 0)),
    width: even(width),
    height: even(height),
  };
  if (rect.width === 0 || rect.height === 0) return null;
  const length = frame.allocationSize({ rect });
  const kept = previous?.luma.buffer;
  const buffer = kept?.byteLength === length ? kept : new ArrayBuffer(length);
  const [plane] = await frame.copyTo(new Uint8Array(buffer), { rect });
  if (plane === undefined || plane.stride !== rect.width) return null;
  return {
    luma: new Uint8Array(buffer, plane.offset, rect.width * rect.height),
    width: rect.width,
    height: rect.height,
    fullRange: colorSpace.fullRange ?? false,
    size: {
      width: Math.min(size?.width ?? rect.width, rect.width),
      height: Math.min(size?.height ?? rect.height, rect.height),
    },
  };
}
