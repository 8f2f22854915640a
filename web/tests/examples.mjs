/**
 * Builds the examples from the package, as a stranger would, and opens them in Chromium. `--write`
 * also watches the example of codes for ten seconds, and records how many frames of a camera it
 * keeps up with in docs/results/codes.json.
 */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { build } from "vite";
import { accessibleInBoth, noSidewaysScroll } from "./axe.mjs";
import { fakeCamera } from "./film.mjs";
import { builtWithVite, examples, installed, sameVersions } from "./projects.mjs";
import { CHROMIUM, repository, site, suite, web } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const WRITES = process.argv.includes("--write");
const folder = await mkdtemp(join(tmpdir(), "nibble-examples-"));
const browser = await chromium.launch(CHROMIUM);

/** Opens a built example, gives it a picture, and compares what it shows. */
async function reads(built, input = "#file") {
  const { address, close } = await site(built);
  const page = await browser.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(address);
  await page.setInputFiles(input, specimen("passport.jpg"));
  await page.getByText(expected.get("passport.jpg")[0]).waitFor();
  assert.equal(await page.textContent("#result"), expected.get("passport.jpg").join("\n"));
  await page.setInputFiles(input, {
    name: "notes.jpg",
    mimeType: "image/jpeg",
    buffer: Buffer.from("this is no picture"),
  });
  await page.getByText("NotAPicture").waitFor();
  assert.deepEqual(faults, []);
  await page.close();
  close();
}

/** Writes digits on the canvas of the built example, and compares what it reads. */
async function writes(built) {
  const { address, close } = await site(built);
  const page = await browser.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(address);
  const canvas = page.getByLabel("Canvas for one digit");
  const reads = (digit) =>
    page.getByRole("status").getByText(`This looks like ${digit},`).waitFor();
  // Corners of each digit, as shares of the canvas.
  const digits = {
    1: [
      [0.4, 0.25],
      [0.5, 0.15],
      [0.5, 0.85],
    ],
    7: [
      [0.3, 0.15],
      [0.7, 0.15],
      [0.45, 0.85],
    ],
    0: Array.from({ length: 25 }, (_, at) => [
      0.5 + 0.2 * Math.cos((at * Math.PI) / 12),
      0.5 + 0.35 * Math.sin((at * Math.PI) / 12),
    ]),
  };
  const { x, y, width, height } = await canvas.boundingBox();
  for (const [digit, corners] of Object.entries(digits)) {
    const at = ([across, down]) => [x + across * width, y + down * height];
    await page.mouse.move(...at(corners[0]));
    await page.mouse.down();
    for (const corner of corners) await page.mouse.move(...at(corner), { steps: 4 });
    await page.mouse.up();
    await reads(digit);
    const shares = await page.locator("meter").evaluateAll((all) => all.map(({ value }) => value));
    assert.equal(shares.length, 10);
    assert.ok(Math.abs(shares.reduce((sum, share) => sum + share) - 1) < 1e-6);
    assert.match(await page.textContent("#time"), /^\d+ µs$/);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByRole("status").getByText("The canvas is empty.").waitFor();
  }
  await canvas.focus();
  await page.keyboard.press("Space");
  for (let step = 0; step < 12; step++) await page.keyboard.press("ArrowDown");
  await reads(1);
  await accessibleInBoth(page);
  await page.setViewportSize({ width: 320, height: 640 });
  await noSidewaysScroll(page);
  assert.deepEqual(faults, []);
  await page.close();
  close();
}

/** Where the code of the example's picture is, with its margin, in cells. */
const CODE = { left: 9, top: 9, right: 15, bottom: 14 };

/** Runs in a page: films the picture as it passes from left to right, with empty frames between. */
async function pass({ picture, frames }) {
  const image = new Image();
  image.src = picture;
  await image.decode();
  const canvas = new OffscreenCanvas(640, 480);
  const context = canvas.getContext("2d");
  const jpegs = [];
  for (let index = 0; index < frames; index++) {
    context.fillStyle = "#6d6459";
    context.fillRect(0, 0, 640, 480);
    context.drawImage(image, (index / frames) * 1600 - 800, 0);
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
    const bytes = new Uint8Array(await blob.arrayBuffer());
    jpegs.push(btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")));
  }
  return jpegs;
}

/** Waits until the example shows the code of its own picture, and says so. */
async function showsPicture(page) {
  const isThere = (seen) =>
    seen.length === 1 &&
    Object.entries(CODE).every(([side, at]) => Math.abs(seen[0][side] - at) <= 1);
  const deadline = Date.now() + 30_000;
  let seen;
  while (!isThere((seen = await boxes(page))))
    assert.ok(Date.now() < deadline, `boxes: ${JSON.stringify(seen)}, not ${JSON.stringify(CODE)}`);
  await page.getByRole("status").getByText("One code.").waitFor();
}

/** Opens the built example without a camera: its own picture and others. */
async function findsInPictures(page) {
  const status = page.getByRole("status");
  await showsPicture(page);
  assert.match(await page.textContent("#time"), TIME);
  await page.getByRole("button", { name: "Camera" }).click();
  await status.getByText("There is no camera, or it may not be used.").waitFor();
  await page.setInputFiles("#file", join(repository, "testdata/specimens/passport.jpg"));
  await status.getByText("No code.").waitFor();
  await page.setInputFiles("#file", {
    name: "notes.jpg",
    mimeType: "image/jpeg",
    buffer: Buffer.from("this is no picture"),
  });
  await status.getByText("The browser cannot show this file as a picture.").waitFor();
  await accessibleInBoth(page);
  await page.setViewportSize({ width: 320, height: 640 });
  await noSidewaysScroll(page);
}

/** Opens the built example with the film for a camera: its box follows the code. */
async function findsInFrames(page) {
  const camera = page.getByRole("button", { name: "Camera" });
  await camera.click();
  await page.locator('#camera[aria-pressed="true"]').waitFor();
  for (const [name, isThere] of Object.entries({
    left: (seen) => seen.length === 1 && seen[0].right <= 10,
    right: (seen) => seen.length === 1 && seen[0].left >= 10,
    gone: (seen) => seen.length === 0,
  })) {
    const deadline = Date.now() + 30_000;
    while (!isThere(await boxes(page))) assert.ok(Date.now() < deadline, name);
  }
  await page
    .locator("#rate")
    .getByText(/^[1-9]\d*$/)
    .waitFor();
  const [time, rate] = [await page.textContent("#time"), await page.textContent("#rate")];
  assert.match(time, TIME);
  console.log(`        ${time} a run, ${rate} frames a second`);
  if (WRITES) await recordRate(page);
  await camera.click();
  assert.equal(await page.textContent("#rate"), "–");
  await showsPicture(page);
}

/** Watches the rate that the page shows for ten seconds, and records it. */
async function recordRate(page) {
  const rates = [];
  while (rates.length < 10) {
    await page.waitForTimeout(1000);
    rates.push(Number(await page.textContent("#rate")));
  }
  rates.sort((a, b) => a - b);
  const found = {
    chromium: page.context().browser().version(),
    processor: cpus()[0].model,
    load: Number(loadavg()[0].toFixed(1)),
    camera_frames_per_second: 30,
    frames_per_second: { least: rates[0], median: (rates[4] + rates[5]) / 2 },
    run: await page.textContent("#time"),
  };
  const file = join(repository, "docs/results/codes.json");
  await writeFile(file, `${JSON.stringify(found, null, 2)}\n`);
}

const TIME = /^\d+ µs$|^\d+\.\d ms$/;
/** The boxes that the example shows, in cells. */
const boxes = (page) =>
  page.locator("#map").evaluate(({ dataset }) => JSON.parse(dataset.boxes ?? "[]"));

/** Opens the built example without a camera, and with a film of its picture for a camera. */
async function finds(built) {
  const { address, close } = await site(built);
  const faults = [];
  const open = async (browser) => {
    const page = await browser.newPage();
    page.on("pageerror", (error) => faults.push(String(error)));
    await page.goto(address);
    return page;
  };
  const film = join(folder, "codes.mjpeg");
  let filming;
  try {
    const page = await open(browser);
    await findsInPictures(page);
    const bytes = await readFile(join(examples, "codes/picture.svg"), "base64");
    const picture = `data:image/svg+xml;base64,${bytes}`;
    const jpegs = await page.evaluate(pass, { picture, frames: 60 });
    await writeFile(film, Buffer.concat(jpegs.map((jpeg) => Buffer.from(jpeg, "base64"))));
    await page.close();
    filming = await chromium.launch({
      ...CHROMIUM,
      args: [...CHROMIUM.args, ...fakeCamera(film, true)],
    });
    await findsInFrames(await open(filming));
    assert.deepEqual(faults, []);
  } finally {
    await filming?.close();
    close();
  }
}

await suite([
  [
    "a plain page with the package beside it",
    async () => {
      const plain = join(folder, "plain");
      await cp(join(examples, "plain"), plain, { recursive: true });
      await cp(join(web, "pkg"), join(plain, "nibble-mrz"), { recursive: true });
      await reads(plain);
    },
  ],
  [
    "a project of Vite with the package installed",
    async () => {
      const project = await builtWithVite(folder, "vite");
      await reads(join(project, "dist"));
    },
  ],
  [
    "three lines of HTML with the package beside the page",
    async () => {
      const plain = join(folder, "elements");
      await cp(join(examples, "elements"), plain, { recursive: true });
      await cp(join(web, "pkg"), join(plain, "nibble-mrz"), { recursive: true });
      await reads(plain, "mrz-file input");
    },
  ],
  [
    "handwritten digits, drawn by pointer and by keyboard, read in a worker",
    async () => {
      const project = await builtWithVite(folder, "digits");
      await writes(join(project, "dist"));
    },
  ],
  [
    "the same digits in the published page",
    async () => {
      await writes(join(web, "dist/examples/digits"));
      // None of the reader's files come with it.
      const files = await readdir(join(web, "dist/examples/digits/assets"));
      assert.deepEqual(files.map((name) => name.replace(/-[\w-]{8}\./, ".")).sort(), [
        "digits.safetensors",
        "index.css",
        "index.js",
        "nibble-network-relaxed.wasm",
        "nibble-network-simd128.wasm",
        "worker.js",
      ]);
    },
  ],
  [
    "QR codes, found in a picture and in the frames of a camera",
    async () => {
      const project = await builtWithVite(folder, "codes");
      await finds(join(project, "dist"));
    },
  ],
  [
    "the same codes in the published page",
    async () => {
      await finds(join(web, "dist/examples/codes"));
    },
  ],
  ...[
    ["React", "react", ["react", "react-dom"]],
    ["Vue", "vue", ["vue", "@vitejs"]],
    ["Svelte", "svelte", ["svelte", "@sveltejs"]],
  ].map(([title, name, packages]) => [
    `the elements in a project of ${title}`,
    async () => {
      const project = join(folder, name);
      await cp(join(examples, name), project, { recursive: true });
      await installed(project, ["vite", ...packages]);
      await sameVersions(project);
      await build({ root: project, logLevel: "error" });
      await reads(join(project, "dist"), "mrz-file input");
    },
  ]),
]);

await browser.close();
await rm(folder, { recursive: true });
