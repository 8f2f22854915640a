/**
 * Tests the package's elements in Chromium, in a page of another site than the package: with a
 * strict policy, in each language, with files, and with a film in place of the camera.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { accessible } from "./axe.mjs";
import { fakeCamera, film } from "./film.mjs";
import { CHROMIUM, site, suite, web } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const PASSPORT = "passport.jpg";
const packaged = await site(join(web, "pkg"));
// As package hosts do.
packaged.headers = { "access-control-allow-origin": "*" };
const origin = new URL(packaged.address).origin;
const folder = await mkdtemp(join(tmpdir(), "nibble-elements-"));
const host = await site(folder);

const plain = await chromium.launch(CHROMIUM);
const launch = (switches) =>
  chromium.launch({ ...CHROMIUM, args: [...CHROMIUM.args, ...switches] });
const passport = await film(plain, PASSPORT);
// Long enough for the document to be missed.
const coming = await launch(fakeCamera(await film(plain, PASSPORT, 40, 20), true));
const allowed = await launch(fakeCamera(passport, true));
const denied = await launch(fakeCamera(passport, false));
const mirror = await launch(
  fakeCamera(await film(plain, PASSPORT, 60, 4, { mirrored: true }), true),
);
const far = await launch(
  fakeCamera(await film(plain, "passport-wrong-check.jpg", 60, 4, { part: 0.36 }), true),
);

/** A policy without `unsafe-inline`: no styles in elements, no scripts but those of two sites. */
const POLICY = `default-src 'none'; script-src 'self' ${origin} 'wasm-unsafe-eval' blob:; worker-src blob: ${origin}; connect-src ${origin}; img-src blob:; style-src 'self'`;

/** Opens a page that contains `body`, and records the events of the elements. */
async function open(body, { browser = plain, lang = "en", policy = POLICY } = {}) {
  await writeFile(
    join(folder, "events.js"),
    `globalThis.events = [];
    for (const type of ["reading", "progress", "trouble"])
      addEventListener(type, ({ target, detail }) => {
        const { result, file, picture, ...rest } = detail;
        events.push({
          type, from: target.localName, ...rest,
          lines: result?.lines, valid: result?.valid, file: file?.name, picture: picture?.type,
        });
      });`,
  );
  await writeFile(
    join(folder, "index.html"),
    `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><title>Host</title>
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <script src="./events.js"></script>
    <script type="module" src="${packaged.address}elements.js"></script></head>
    <body><main><h1>Host</h1>${body}</main></body></html>`,
  );
  const context = await browser.newContext({ viewport: { width: 390, height: 700 } });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  await page.goto(host.address);
  return page;
}

const events = (page, type) =>
  page.evaluate((type) => globalThis.events.filter((event) => event.type === type), type);
async function event(page, type, count = 1) {
  await page.waitForFunction(
    ([type, count]) => globalThis.events.filter((event) => event.type === type).length >= count,
    [type, count],
  );
  return (await events(page, type))[count - 1];
}

await suite([
  [
    "a file is read in a page of another site, under a strict policy",
    async () => {
      const page = await open("<mrz-file></mrz-file>");
      await page.setInputFiles("mrz-file input", specimen(PASSPORT));
      const reading = await event(page, "reading");
      assert.deepEqual(reading.lines, expected.get(PASSPORT));
      assert.deepEqual([reading.from, reading.file, reading.valid], ["mrz-file", PASSPORT, true]);
      assert.equal(page.workers().length, 1);
      assert.deepEqual(page.faults, []);
      await page.context().close();
    },
  ],
  [
    "several files: each has its event, in order, and progress counts them",
    async () => {
      const page = await open('<mrz-file multiple formats="TD2 MRVA"></mrz-file>');
      const words = { name: "words.txt", mimeType: "image/jpeg", buffer: Buffer.from("words") };
      const read = async (name) => ({
        name,
        mimeType: "image/jpeg",
        buffer: await readFile(specimen(name)),
      });
      await page.setInputFiles("mrz-file input", [
        await read("id-td2.jpg"),
        words,
        await read(PASSPORT),
      ]);
      await event(page, "progress", 4);
      const seen = (await page.evaluate(() => globalThis.events)).map(({ type, code, done }) =>
        [type, code ?? done].filter((part) => part !== undefined && part !== null).join(" "),
      );
      assert.deepEqual(seen, [
        "progress 0",
        "reading",
        "progress 1",
        "trouble NotAPicture",
        "progress 2",
        "trouble OtherFormat",
        "progress 3",
      ]);
      await page.getByText("This kind of document isn’t accepted here.").waitFor();
      await page.context().close();
    },
  ],
  [
    "what the engine does not decode goes through the browser; a blank picture has no lines",
    async () => {
      const page = await open("<mrz-file></mrz-file>");
      const read = (draw) =>
        page.evaluate(async (bytes) => {
          const canvas = document.createElement("canvas");
          const context = canvas.getContext("2d");
          canvas.width = canvas.height = 200;
          if (bytes !== undefined) {
            const bitmap = await createImageBitmap(new Blob([Uint8Array.from(bytes)]));
            canvas.width = 7000;
            canvas.height = 4000;
            context.fillStyle = "#fff";
            context.fillRect(0, 0, 7000, 4000);
            context.drawImage(bitmap, 0, 0, 5500, (5500 * bitmap.height) / bitmap.width);
          }
          const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.9));
          await document.querySelector("mrz-file").read(new File([blob], "drawn.webp"));
        }, draw);
      // 28 megapixels are beyond the engine.
      await read([...(await readFile(specimen(PASSPORT)))]);
      assert.deepEqual((await event(page, "reading")).lines, expected.get(PASSPORT));
      await read(undefined);
      assert.equal((await event(page, "trouble")).code, "NoLines");
      await page.context().close();
    },
  ],
  [
    "a mirrored picture is flipped before it is read, which its event says",
    async () => {
      const page = await open("<mrz-file></mrz-file>");
      const read = (mirrored, bytes) =>
        page.evaluate(
          async ([mirrored, bytes]) => {
            const bitmap = await createImageBitmap(new Blob([Uint8Array.from(bytes)]));
            const { width, height } = bitmap;
            const canvas = Object.assign(document.createElement("canvas"), { width, height });
            const context = canvas.getContext("2d");
            if (mirrored) context.setTransform(-1, 0, 0, 1, width, 0);
            context.drawImage(bitmap, 0, 0);
            const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
            await document.querySelector("mrz-file").read(new File([blob], "drawn.jpg"));
          },
          [mirrored, [...bytes]],
        );
      const bytes = await readFile(specimen(PASSPORT));
      await read(false, bytes);
      await read(true, bytes);
      const readings = [await event(page, "reading"), await event(page, "reading", 2)];
      for (const { lines } of readings) assert.deepEqual(lines, expected.get(PASSPORT));
      assert.deepEqual(
        readings.map(({ mirrored, valid }) => [mirrored, valid]),
        [
          [false, true],
          [true, true],
        ],
      );
      await page.context().close();
    },
  ],
  [
    "attributes, slots and properties: language, direction, precision, looks",
    async () => {
      const page = await open(
        `<mrz-file id="a"></mrz-file><mrz-file id="b" language="de">Datei hierher</mrz-file>
        <mrz-file id="c" language="ar" disabled></mrz-file><mrz-camera language="fr"></mrz-camera>`,
        { lang: "fr" },
      );
      const text = (selector) =>
        page.evaluate((selector) => {
          const { shadowRoot } = document.querySelector(selector);
          const slot = shadowRoot.querySelector("slot");
          const shown = slot.assignedNodes({ flatten: true }).map((node) => node.textContent);
          return [shown.join("").trim(), shadowRoot.querySelector("[dir]").dir];
        }, selector);
      assert.deepEqual(await text("#a"), ["Choisir une image", "ltr"]);
      assert.deepEqual(await text("#b"), ["Datei hierher", "ltr"]);
      assert.deepEqual(await text("#c"), ["اختر صورة", "rtl"]);
      assert.deepEqual(await text("mrz-camera"), ["Utiliser la caméra", "ltr"]);
      await page.evaluate(() => document.querySelector("#a").setAttribute("language", "en"));
      assert.deepEqual(await text("#a"), ["Choose a picture", "ltr"]);
      const colour = await page.evaluate(() => {
        const file = document.querySelector("#a");
        file.style.setProperty("--mrz-accent", "rgb(1, 2, 3)");
        file.precision = "u8";
        const button = file.shadowRoot.querySelector("[part=button]");
        return [getComputedStyle(button).backgroundColor, file.precision, file.formats];
      });
      assert.deepEqual(colour, ["rgb(1, 2, 3)", "u8", []]);
      // Pictures for a disabled element are not taken.
      assert.equal(await page.isDisabled("#c input"), true);
      await accessible(page, "elements");
      await page.context().close();
    },
  ],
  [
    "the camera reads a document, stops, and can be started again",
    async () => {
      const page = await open("<mrz-camera></mrz-camera>", { browser: allowed });
      for (const count of [1, 2]) {
        await page.click("mrz-camera [part=button]");
        const { lines, valid, picture, from } = await event(page, "reading", count);
        assert.deepEqual([lines, valid], [expected.get(PASSPORT), true]);
        assert.deepEqual([picture, from], ["image/png", "mrz-camera"]);
        await page.waitForSelector("mrz-camera [part=button]:not([hidden])");
        const running = await page.evaluate(() => {
          const camera = document.querySelector("mrz-camera");
          return [camera.isRunning, camera.shadowRoot.querySelector("video").srcObject];
        });
        assert.deepEqual(running, [false, null]);
      }
      assert.ok((await events(page, "progress")).length >= 4);
      assert.deepEqual(await events(page, "trouble"), []);
      assert.deepEqual(page.faults, []);
      await page.context().close();
    },
  ],
  [
    "a continuous camera reads each document once; taken out of the page it stops",
    async () => {
      const page = await open("<mrz-camera continuous autostart guide=card></mrz-camera>", {
        browser: coming,
      });
      // The film begins anew: the document goes and comes back.
      await event(page, "reading", 2);
      const answers = await page.evaluate(
        () =>
          globalThis.events.filter(({ type, lines }) => type === "progress" && lines.length > 0)
            .length,
      );
      assert.ok(answers > 10, `${answers} answers gave two readings`);
      const ended = await page.evaluate(async () => {
        const camera = document.querySelector("mrz-camera");
        const [track] = camera.shadowRoot.querySelector("video").srcObject.getTracks();
        camera.remove();
        return [track.readyState, camera.isRunning];
      });
      assert.deepEqual(ended, ["ended", false]);
      await page.context().close();
    },
  ],
  [
    "mirrored frames are turned back, and small print is read from a photo",
    async () => {
      const page = await open("<mrz-camera autostart></mrz-camera>", { browser: mirror });
      const { lines, valid } = await event(page, "reading");
      assert.deepEqual([lines, valid], [expected.get(PASSPORT), true]);
      const told = (await events(page, "progress")).map(({ mirrored }) => mirrored);
      assert.equal(told[0], false);
      assert.equal(told.at(-1), true);
      await page.context().close();
      const photo = (await readFile(specimen(PASSPORT))).toString("base64");
      await writeFile(
        join(folder, "photo.js"),
        `globalThis.ImageCapture = class {
          async takePhoto() {
            const bytes = Uint8Array.from(atob("${photo}"), (c) => c.charCodeAt(0));
            return new Blob([bytes], { type: "image/jpeg" });
          }
        };`,
      );
      const small = await open(
        '<script src="./photo.js"></script><mrz-camera autostart></mrz-camera>',
        { browser: far },
      );
      const reading = await event(small, "reading");
      assert.deepEqual([reading.lines, reading.picture], [expected.get(PASSPORT), "image/jpeg"]);
      await small.waitForSelector("mrz-camera [part=button]:not([hidden])");
      assert.deepEqual([...page.faults, ...small.faults], []);
      await small.context().close();
    },
  ],
  [
    "other formats do not end the camera, and a refused camera says so",
    async () => {
      const page = await open('<mrz-camera autostart formats="TD1"></mrz-camera>', {
        browser: allowed,
      });
      await page.getByText("This kind of document isn’t accepted here.").waitFor();
      await page.waitForFunction(
        () => globalThis.events.filter(({ lines }) => lines?.length > 0).length > 10,
      );
      assert.deepEqual(await events(page, "reading"), []);
      await page.context().close();
      const refused = await open("<mrz-camera></mrz-camera>", { browser: denied });
      await refused.click("mrz-camera [part=button]");
      assert.equal((await event(refused, "trouble")).code, "CameraDenied");
      await refused.getByText(/The camera isn’t allowed/).waitFor();
      await refused.waitForSelector("mrz-camera [part=button]:not([hidden])");
      await refused.context().close();
    },
  ],
]);

await Promise.all([plain, allowed, coming, denied, mirror, far].map((browser) => browser.close()));
packaged.close();
host.close();
await rm(folder, { recursive: true });
