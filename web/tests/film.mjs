/**
 * Makes films for Chromium's fake camera from the specimens: a hand shows a document, not quite
 * still, and takes it away.
 *
 * A film is a file of consecutive JPEG pictures, which Chromium plays in a loop.
 */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "./site.mjs";

/** Size of a phone camera's frames. */
const SIZE = { width: 1920, height: 1080 };
/** Frames without a document before and after. */
const EMPTY = 4;

/** Runs in a page: returns the frames as base64 JPEG. */
async function shoot({ picture, width, height, frames, empty, mirrored, part }) {
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
      const scale = (part * height) / image.height;
      context.translate(width / 2 + 9 * sway, height / 2 + 5 * Math.cos(index / 4));
      context.rotate(0.01 * sway);
      context.scale(scale, scale);
      context.drawImage(image, -image.width / 2, -image.height / 2);
    }
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
    const bytes = new Uint8Array(await blob.arrayBuffer());
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
 * right; `part` is the height of the document, as a fraction of the frame's.
 */
export async function film(
  browser,
  specimen,
  frames = 40,
  empty = EMPTY,
  { mirrored = false, part = 0.9 } = {},
) {
  const page = await browser.newPage();
  const bytes = await readFile(join(repository, "testdata/specimens", specimen));
  const picture = `data:image/jpeg;base64,${bytes.toString("base64")}`;
  const jpegs = await page.evaluate(shoot, { picture, ...SIZE, frames, empty, mirrored, part });
  await page.close();
  const file = join(await mkdtemp(join(tmpdir(), "nibble-film-")), `${specimen}.mjpeg`);
  await writeFile(file, Buffer.concat(jpegs.map((jpeg) => Buffer.from(jpeg, "base64"))));
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
