/**
 * Tests the first moments of a visit in Chromium: what is pressed before the page's script is there
 * is done, once, and no file is requested twice.
 */
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { CHROMIUM, site, suite } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const server = await site();
const browser = await chromium.launch(CHROMIUM);
const SAMPLE = "#samples li:first-child button";
const ENGINE = /nibble-(relaxed|simd128)-.*\.wasm$/;
const NETWORK = /ocr-u4-.*\.safetensors$/;
const DECODER = /nibble-picture-jpeg-.*\.wasm$/;
/** The decoder of all files but JPEG files. */
const OTHER = /nibble-picture-other-.*\.wasm$/;
const PICTURE = /passport-.{8}\.jpg$/;

let page;
/** Files that were requested, in order. */
let loaded = [];
const count = (pattern) => loaded.filter((file) => pattern.test(file)).length;
const shown = (id) => page.waitForSelector(`#${id}:not([hidden])`);
const lines = async () => (await page.textContent("#lines")).split("\n");

/** Presses "Choose a picture", and returns the dialog. */
async function choose() {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.click("#choose")]);
  return chooser;
}

/** Waits until a file has been requested. */
async function requested(pattern) {
  while (count(pattern) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
}

/**
 * Opens the page without its script, and returns a function that lets the script arrive.
 * `serviceWorkers` are blocked: they request files for later visits.
 */
async function open({ query = "", change = (_file, body) => body } = {}) {
  loaded = [];
  server.change = (file, body) => (loaded.push(file), change(file, body));
  const context = await browser.newContext({ locale: "en-GB", serviceWorkers: "block" });
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
  let arrive;
  const script = new Promise((resolve) => (arrive = resolve));
  await page.route(/assets\/index-.*\.js$/, async (route) => {
    await script;
    await route.continue();
  });
  await page.goto(`${server.address}${query}`, { waitUntil: "commit" });
  return arrive;
}

/** After a JPEG file was read: what it needs was requested once, and no other decoder. */
function assertOnce() {
  for (const pattern of [ENGINE, NETWORK, DECODER])
    assert.equal(count(pattern), 1, `${pattern}\n${loaded.join("\n")}`);
  assert.equal(count(OTHER), 0);
}

await suite(
  [
    [
      "a sample that is pressed before the script is there is read, and nothing requested twice",
      async () => {
        const arrive = await open();
        await page.click(SAMPLE);
        await shown("busy");
        assert.equal(await page.textContent("#busy-text"), "Getting ready…");
        assert.equal(await page.isVisible("#start"), false);
        for (const pattern of [ENGINE, NETWORK, PICTURE]) await requested(pattern);
        arrive();
        await shown("result");
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
        assert.equal(await page.textContent("#caption"), "Passport");
        assertOnce();
        assert.equal(count(PICTURE), 1);
        // It is done: the start shows the start, and the next press is another.
        await page.click("#result .again");
        await shown("start");
        await page.click("#samples li:nth-child(2) button");
        await shown("result");
        assert.deepEqual(await lines(), expected.get("id-card-back.jpg"));
        assertOnce();
      },
    ],
    [
      "a sample has its name in the language of the visitor",
      async () => {
        const arrive = await open({ query: "?lang=de" });
        // The texts arrive before the picture.
        await page.route(PICTURE, async (route) => {
          await page.waitForSelector("html[lang=de]");
          await route.continue();
        });
        await page.click(SAMPLE);
        arrive();
        await shown("result");
        assert.equal(await page.textContent("#caption"), "Reisepass");
      },
    ],
    [
      "a file that is chosen before the script is there is read",
      async () => {
        const arrive = await open();
        const chooser = await choose();
        await chooser.setFiles(specimen("id-td2.jpg"));
        await shown("busy");
        arrive();
        await shown("result");
        assert.deepEqual(await lines(), expected.get("id-td2.jpg"));
        assertOnce();
      },
    ],
    [
      "a file that is no JPEG file is read by the other decoder alone, before and after a JPEG file",
      async () => {
        const arrive = await open();
        const chooser = await choose();
        await chooser.setFiles(specimen("id-td2-scan.png"));
        arrive();
        await shown("result");
        assert.deepEqual(await lines(), expected.get("id-td2-scan.png"));
        assert.deepEqual([DECODER, OTHER].map(count), [0, 1]);
        for (const name of ["id-td2.jpg", "visa-b.webp"]) {
          await page.click("#result .again");
          await shown("start");
          await page.setInputFiles("#file", specimen(name));
          await shown("result");
          assert.deepEqual(await lines(), expected.get(name));
          assert.deepEqual([DECODER, OTHER].map(count), [1, 1]);
        }
      },
    ],
    [
      "a file that is chosen while the script arrives is read, and several give a table",
      async () => {
        const arrive = await open();
        const chooser = await choose();
        arrive();
        await page.waitForLoadState("load");
        await chooser.setFiles([specimen("id-td2.jpg"), specimen("passport.jpg")]);
        await page.waitForSelector("#batch-csv:not([hidden])");
        assert.equal(await page.locator('#batch-rows [data-tone="good"]').count(), 2);
        assertOnce();
      },
    ],
    [
      "the camera opens when the script is there",
      async () => {
        const arrive = await open();
        await page.click("#camera-open");
        await shown("busy");
        arrive();
        await page.waitForSelector('#camera[data-state="ask"]:not([hidden])');
        assert.equal(count(DECODER), 0);
        await page.click("#camera-close");
        await shown("start");
      },
    ],
    [
      "whoever goes to another view meanwhile gets the camera when they come back",
      async () => {
        const arrive = await open();
        await page.click("#camera-open");
        await page.click('#views a[href="#bench"]');
        arrive();
        await page.waitForSelector("#bench-begin");
        assert.equal(await page.isVisible("#view-read"), false);
        assert.equal(await page.getAttribute("#camera", "data-state"), null);
        await page.click('#views a[href="#read"]');
        await page.waitForSelector('#camera[data-state="ask"]:not([hidden])');
      },
    ],
    [
      "a press after the script is there is not done again by the first script",
      async () => {
        const arrive = await open();
        arrive();
        await page.waitForLoadState("load");
        await page.click(SAMPLE);
        await shown("result");
        assertOnce();
        assert.equal(count(PICTURE), 1);
      },
    ],
    [
      "the binary in the address is the only one that is requested",
      async () => {
        const arrive = await open({ query: "?binary=simd128" });
        await page.click(SAMPLE);
        arrive();
        await shown("result");
        assert.equal(count(/nibble-simd128/), 1);
        assertOnce();
      },
    ],
    [
      "a picture that does not arrive is told of, and asked for again",
      async () => {
        let refused = 0;
        const arrive = await open({
          change: (file, body) => {
            if (PICTURE.test(file) && refused++ === 0) throw new Error("not now");
            return body;
          },
        });
        await page.click(SAMPLE);
        await requested(PICTURE);
        arrive();
        await shown("problem");
        assert.equal(await page.getAttribute("#problem", "data-code"), "LoadFailed");
        await page.click("#retry");
        await shown("result");
        assert.equal(count(PICTURE), 2);
        assertOnce();
      },
    ],
    [
      "an engine that arrives in part is told of, and asked for again",
      async () => {
        let refused = 0;
        const arrive = await open({
          change: (file, body) =>
            ENGINE.test(file) && refused++ === 0 ? body.subarray(0, body.length >> 1) : body,
        });
        arrive();
        await shown("problem");
        assert.equal(await page.getAttribute("#problem", "data-code"), "LoadFailed");
        await page.click("#retry");
        await shown("start");
        await page.click(SAMPLE);
        await shown("result");
        assert.equal(count(ENGINE), 2);
      },
    ],
    [
      "a first script that was changed does not run, and the page does without",
      async () => {
        const arrive = await open({
          change: (file, body) =>
            file === "index.html"
              ? Buffer.from(body.toString().replace("<script>", "<script>globalThis.changed=1;"))
              : body,
        });
        await page.waitForSelector(SAMPLE);
        assert.deepEqual(await page.evaluate(() => [globalThis.early, globalThis.changed]), [
          undefined,
          undefined,
        ]);
        arrive();
        await page.waitForLoadState("load");
        await page.click(SAMPLE);
        await shown("result");
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
        assertOnce();
      },
    ],
  ],
  async () => page?.context().close(),
);

await browser.close();
server.close();
