/**
 * Makes films for Chromium's fake camera from the specimens: a hand shows a document, not quite
 * still, and takes it away.
 *
 * A film is a file that Chromium plays in a loop. It holds consecutive JPEG pictures, played at 30
 * a second, or plain pictures (YUV4MPEG2), which need no decoder, at the rate that it names.
 */
import { rmSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "./site.mjs";

/** Size of a camera's frames. */
const SIZE = { width: 1920, height: 1080 };
/** Frames without a document before and after. */
const EMPTY = 4;

/** Runs in a page: returns the frames as base64, JPEG or planes of luma and chroma (4:2:0). */
async function shoot({
  picture,
  width,
  height,
  frames,
  empty,
  mirrored,
  part,
  plain,
  glare,
  blur,
}) {
  /** Draws a lamp's reflection, at a place in the document: from 0 to 1, to the right and down. */
  const shine = (image, x, y) => {
    const radius = 0.16 * image.width;
    const spot = context.createRadialGradient(0, 0, 0, 0, 0, radius);
    for (const [stop, share] of [
      [0, 1],
      [0.45, 1],
      [0.75, 0.5],
      [1, 0],
    ])
      spot.addColorStop(stop, `rgb(255 255 255 / ${share})`);
    context.save();
    context.translate((x - 0.5) * image.width, (y - 0.5) * image.height);
    // Flat, as on a page that is seen from the side.
    context.scale(1, 0.5);
    context.fillStyle = spot;
    context.fillRect(-radius, -radius, 2 * radius, 2 * radius);
    context.restore();
  };
  const planes = () => {
    const { data } = context.getImageData(0, 0, width, height);
    const bytes = new Uint8Array((width * height * 3) / 2);
    const luma = width * height;
    const at = (column, row) => 4 * (row * width + column);
    for (let index = 0, from = 0; index < luma; index++, from += 4)
      bytes[index] =
        16 + 0.257 * data[from] + 0.504 * data[from + 1] + 0.098 * data[from + 2] + 0.5;
    for (let row = 0, to = luma; row < height; row += 2)
      for (let column = 0; column < width; column += 2, to++) {
        const [red, green, blue] = data.subarray(at(column, row));
        bytes[to] = 128.5 - 0.148 * red - 0.291 * green + 0.439 * blue;
        bytes[to + luma / 4] = 128.5 + 0.439 * red - 0.368 * green - 0.071 * blue;
      }
    return bytes;
  };
  const image = await createImageBitmap(await (await fetch(picture)).blob());
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const jpegs = [];
  for (let index = 0; index < frames + 2 * empty; index++) {
    context.resetTransform();
    context.fillStyle = "#6d6459";
    context.fillRect(0, 0, width, height);
    if (mirrored) context.setTransform(-1, 0, 0, 1, width, 0);
    if (index >= empty && index < frames + empty) {
      const sway = Math.sin(index / 5);
      // The middle 4:3 of the frame is what the page shows.
      const scale = Math.min((part * height) / image.height, (part * width) / image.width);
      context.translate(width / 2 + 9 * sway, height / 2 + 5 * Math.cos(index / 4));
      context.rotate(0.01 * sway);
      context.scale(scale, scale);
      // A hand that moves, and is still for a moment twice in a sway.
      if (blur > 0) context.filter = `blur(${(blur * Math.abs(Math.cos(index / 5))).toFixed(2)}px)`;
      context.drawImage(image, -image.width / 2, -image.height / 2);
      context.filter = "none";
      if (glare === "still") shine(image, 0.8, 0.9);
      if (glare === "moving") shine(image, 0.5 + 0.6 * Math.sin(index / 6), 0.9);
    }
    const blob = plain || (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 }));
    const bytes = plain ? planes() : new Uint8Array(await blob.arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192)
      text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    jpegs.push(btoa(text));
  }
  return jpegs;
}

/**
 * Writes a film of a specimen and returns its path. `frames` is the number of frames that show the
 * document, `empty` the number before and after that show none. `mirrored` exchanges left and
 * right; `part` is the height of the document, as a fraction of the frame's, or its width in a frame
 * that is narrower; `upright` frames are those of an upright phone. `glare` is a reflection on the
 * lines: "moving" wanders over them, "still" stays on the end of them. `blur` is the radius of the
 * largest blur, in pixels. With a `rate`, in frames a second, the film has plain pictures.
 */
export async function film(
  browser,
  specimen,
  frames = 40,
  empty = EMPTY,
  { mirrored = false, part = 0.9, rate, upright = false, glare = "none", blur = 0 } = {},
) {
  const page = await browser.newPage();
  const bytes = await readFile(join(repository, "testdata/specimens", specimen));
  const picture = `data:image/jpeg;base64,${bytes.toString("base64")}`;
  const plain = rate !== undefined;
  const size = upright ? { width: SIZE.height, height: SIZE.width } : SIZE;
  const options = { picture, ...size, frames, empty, mirrored, part, plain, glare, blur };
  const shots = (await page.evaluate(shoot, options)).map((shot) => Buffer.from(shot, "base64"));
  await page.close();
  const folder = await mkdtemp(join(tmpdir(), "nibble-film-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, `${specimen}.${plain ? "y4m" : "mjpeg"}`);
  const header = `YUV4MPEG2 W${size.width} H${size.height} F${rate}:1 Ip A1:1 C420jpeg\n`;
  const parts = plain
    ? [Buffer.from(header), ...shots.flatMap((shot) => [Buffer.from("FRAME\n"), shot])]
    : shots;
  await writeFile(file, Buffer.concat(parts));
  return file;
}

/**
 * Returns switches that put a film in place of the camera and, if `allowed`, grant access without
 * asking.
 */
export function fakeCamera(file, allowed) {
  return [
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${file}`,
    ...(allowed ? ["--use-fake-ui-for-media-stream"] : []),
  ];
}
