/**
 * Tests the page offline in Chromium: what is stored, what a first visit loads, shared pictures,
 * new versions.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { readAgain } from "./hands.mjs";
import { CHROMIUM, repository, site, suite } from "./site.mjs";

const passport = join(repository, "testdata/specimens/passport.jpg");
const server = await site();
const { address } = server;
const browser = await chromium.launch(CHROMIUM);
const context = await browser.newContext({
  viewport: { width: 360, height: 740 },
  locale: "en-GB",
});
const page = await context.newPage();
page.setDefaultTimeout(30_000);

const shown = (id) => page.waitForSelector(`#${id}:not([hidden])`);
const surname = async () => {
  await shown("result");
  return page.textContent('[data-field="surname"]');
};

/** Shares a picture as the system does: by a form outside the page. */
async function sharePicture() {
  await page.goto("about:blank");
  await page.setContent(
    `<form method="post" enctype="multipart/form-data" action="${address}share"><input type="file" name="picture"><button>Share</button></form>`,
  );
  await page.setInputFiles("input", {
    name: "übung.jpg",
    mimeType: "image/jpeg",
    buffer: await readFile(passport),
  });
  await page.click("button");
}

await suite([
  [
    "a first visit loads one binary and one network before all else",
    async () => {
      const loaded = [];
      server.change = (file, body) => (loaded.push(file), body);
      await page.goto(address);
      await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
      const first = loaded.slice(0, loaded.indexOf("sw.js"));
      const count = (pattern) => first.filter((file) => pattern.test(file)).length;
      assert.deepEqual(
        [
          count(/nibble-(relaxed|simd128)-.*\.wasm$/),
          count(/\.wasm$/),
          count(/\.safetensors$/),
          count(/\.jpg$/),
          count(/view/),
        ],
        [1, 1, 1, 0, 0],
        first.join("\n"),
      );
    },
  ],
  [
    "then everything is kept",
    async () => {
      await shown("offline");
      const kept = await page.evaluate(async () => {
        const names = (await caches.keys()).filter((name) => name.startsWith("nibble-"));
        return {
          caches: names.length,
          files: (await (await caches.open(names[0])).keys()).map(({ url }) => url),
        };
      });
      assert.equal(kept.caches, 1);
      for (const pattern of [
        /nibble-relaxed-.*\.wasm/,
        /nibble-simd128-.*\.wasm/,
        /nibble-picture-jpeg-.*\.wasm/,
        /nibble-picture-other-.*\.wasm/,
        /bench-relaxed-.*\.wasm/,
        /bench-simd128-.*\.wasm/,
        /ocr-f32/,
        /ocr-u8/,
        /ocr-u4/,
        /passport-/,
        /icon-512/,
        /manifest/,
      ]) {
        assert.ok(
          kept.files.some((url) => pattern.test(url)),
          String(pattern),
        );
      }
    },
  ],
  [
    "without a network it opens, reads, measures and explains",
    async () => {
      server.down = true;
      await page.reload();
      await page.click("#samples li:first-child button");
      assert.equal(await surname(), "ROSSI");
      await readAgain(page, "u8");
      await page.click("#result .again");
      await shown("start");
      await page.setInputFiles("#file", join(repository, "testdata/specimens/id-td2-scan.png"));
      assert.equal(await surname(), "TANAKA");
      await page.goto(`${address}#bench`);
      await page.click("#bench-compare");
      await page.waitForSelector('.parity[data-different="0"]');
      await page.click('#views a[href="#how"]');
      await page.waitForSelector("#how-maps .maps:not([hidden])");
      // The other binary too.
      await page.goto(`${address}?binary=simd128`);
      await page.setInputFiles("#file", passport);
      assert.equal(await surname(), "ROSSI");
    },
  ],
  [
    "a picture that another app shares is read",
    async () => {
      await sharePicture();
      assert.equal(await surname(), "ROSSI");
      assert.equal(await page.textContent("#caption"), "übung.jpg");
      assert.equal(await page.evaluate(() => caches.has("shared-picture")), false);
    },
  ],
  [
    "where storage is full, a shared picture is asked for again, and reading goes on",
    async () => {
      const devtools = await context.newCDPSession(page);
      const setQuota = (quotaSize) =>
        devtools.send("Storage.overrideQuotaForOrigin", {
          origin: new URL(address).origin,
          quotaSize,
        });
      await setQuota(1);
      await sharePicture();
      await shown("problem");
      assert.match(await page.textContent("#problem-text"), /could not be kept/);
      assert.equal(new URL(page.url()).search, "");
      await page.setInputFiles("#file", passport);
      assert.equal(await surname(), "ROSSI");
      await setQuota(undefined);
    },
  ],
  [
    "a new version is offered and taken",
    async () => {
      server.down = false;
      await page.goto(address);
      await shown("start");
      assert.equal(await page.isVisible("#update"), false);
      const next = (body) =>
        Buffer.from(
          body
            .toString()
            .replace(/"version":"\w+"|version:"\w+"/, (old) => old.replace(/\w+"$/, 'next"')),
        );
      server.change = (file, body) =>
        file === "sw.js"
          ? next(body)
          : file === "index.html"
            ? Buffer.from(body.toString().replace("<html", "<html data-next"))
            : body;
      const second = await page.context().newPage();
      await second.goto(address);
      // A file that only this version has, which the host will not have any more.
      const before = `${address}assets/before-1a2b3c4d.bin`;
      await second.evaluate(async (file) => {
        const [name] = await caches.keys();
        await (await caches.open(name)).put(file, new Response("before"));
      }, before);
      const fetched = () =>
        second.evaluate(async (file) => {
          const response = await fetch(file);
          return response.ok ? response.text() : response.status;
        }, before);
      await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
      await shown("update");
      await second.waitForSelector("#update:not([hidden])");
      await Promise.all([page.waitForEvent("load"), page.click("#update-now")]);
      await shown("offline");
      assert.equal(await page.locator("html[data-next]").count(), 1);
      // The other tab goes on until its own button is pressed, with the files of its own version.
      assert.equal(await second.locator("html[data-next]").count(), 0);
      assert.equal(await fetched(), "before");
      await Promise.all([second.waitForEvent("load"), second.click("#update-now")]);
      assert.equal(await second.locator("html[data-next]").count(), 1);
      await second.close();
      // Nobody needs them now.
      await page.reload();
      await page.waitForFunction(async () => (await caches.keys()).join() === "nibble-next");
      // What the previous version had stored is still there.
      server.down = true;
      await page.reload();
      await page.click("#samples li:first-child button");
      assert.equal(await surname(), "ROSSI");
    },
  ],
]);

await browser.close();
server.close();
