/**
 * Films for Chromium's fake camera, made from the specimens: a hand brings a document, holds it not
 * quite still, and takes it away.
 *
 * A film is a file of JPEG pictures one after the other, which Chromium plays in a loop.
 */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "./site.mjs";

/** What a camera of a phone gives. */
const SIZE = { width: 1920, height: 1080 };
/** Frames without a document before and after. */
const EMPTY = 4;

/** Runs in a page: the frames as base64 JPEG. */
async function shoot({ picture, width, height, frames, empty }) {
  const image = await createImageBitmap(await (await fetch(picture)).blob());
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const jpegs = [];
  for (let index = 0; index < frames + 2 * empty; index++) {
    context.resetTransform();
    context.fillStyle = "#6d6459";
    context.fillRect(0, 0, width, height);
    if (index >= empty && index < frames + empty) {
      const sway = Math.sin(index / 5);
      // The middle 4:3 of the frame is what the page shows.
      const scale = (0.9 * height) / image.height;
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

/** Writes a film of a specimen; the path of the file. `frames` are those that show the document. */
export async function film(browser, specimen, frames = 40) {
  const page = await browser.newPage();
  const bytes = await readFile(join(repository, "testdata/specimens", specimen));
  const picture = `data:image/jpeg;base64,${bytes.toString("base64")}`;
  const jpegs = await page.evaluate(shoot, { picture, ...SIZE, frames, empty: EMPTY });
  await page.close();
  const file = join(await mkdtemp(join(tmpdir(), "nibble-film-")), `${specimen}.mjpeg`);
  await writeFile(file, Buffer.concat(jpegs.map((jpeg) => Buffer.from(jpeg, "base64"))));
  return file;
}

/**
 * Switches that put a film in place of the camera, and grant it without a question where `allowed`.
 */
export function fakeCamera(file, allowed) {
  return [
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${file}`,
    ...(allowed ? ["--use-fake-ui-for-media-stream"] : []),
  ];
}
