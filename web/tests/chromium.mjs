/** The built page in Chromium: sample, upload, drop, errors, precision, privacy, languages, accessibility. */
import assert from "node:assert/strict";
import { readFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM, repository, site, suite } from "./site.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const specimens = join(repository, "testdata/specimens");
const rows = (await readFile(join(specimens, "index.csv"), "utf8")).trim().split("\n").slice(1);
const expected = new Map(rows.map((row) => [row.split(",")[0], row.split(",")[3].split("|")]));

const { address, close } = await site();
const browser = await chromium.launch(CHROMIUM);
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, locale: "en-GB" };
const context = await browser.newContext(PHONE);
const page = await context.newPage();
const requests = [];
const faults = [];
page.on("request", (request) => requests.push(request.url()));
page.on("pageerror", (error) => faults.push(String(error)));
page.on("console", (message) => message.type() === "error" && !/Content Security Policy/.test(message.text()) && faults.push(message.text()));
page.setDefaultTimeout(30_000);

const upload = (file) => page.setInputFiles("#file", file);
const shown = (id) => page.waitForSelector(`#${id}:not([hidden])`);
const again = async (section) => {
  await page.click(`#${section} .again`);
  await shown("start");
};
const lines = async () => (await page.textContent("#lines")).split("\n");

/** No rule of axe is broken on what the page shows now. Its code is run by the debugger: the policy forbids scripts of others. */
async function accessible() {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`), []);
}

const noSidewaysScroll = async () =>
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page scrolls sideways");

/** A check that failed leaves the page anywhere: the next one begins at the start. */
async function fresh() {
  if (page.url() !== "about:blank" && !(await page.isVisible("#start"))) await page.goto(address);
}

await suite([
  ["opens without errors, nothing wider than a phone", async () => {
    await page.goto(address);
    await page.waitForFunction(() => document.querySelectorAll("#samples button").length > 4);
    await page.waitForLoadState("networkidle");
    await noSidewaysScroll();
    assert.ok(requests.every((url) => url.startsWith(address) || url.startsWith("blob:")), requests.join("\n"));
    await accessible();
  }],
  ["a sample is read to its fields", async () => {
    await page.click("#samples li:first-child button");
    await shown("result");
    assert.deepEqual(await lines(), expected.get("passport.jpg"));
    assert.equal(await page.textContent('[data-field="surname"]'), "ROSSI");
    assert.equal(await page.locator('#checks [data-ok="true"]').count(), 5);
    assert.equal(await page.locator("#overlay polygon").count(), 2);
    await noSidewaysScroll();
    await accessible();
    await again("result");
  }],
  ["the precisions read the same text", async () => {
    await page.click("#samples li:first-child button");
    await shown("result");
    for (const precision of ["u8", "f32", "u4"]) {
      await page.locator(`input[value=${precision}]`).check({ force: true });
      await page.waitForFunction((p) => globalThis.nibbleTest.result().precision === p, precision);
      assert.deepEqual(await lines(), expected.get("passport.jpg"));
      assert.equal(await page.locator('[data-fact="digest"]').count(), precision === "f32" ? 0 : 1);
    }
    await again("result");
  }],
  ["an uploaded file is read, and nothing is requested meanwhile", async () => {
    const before = requests.filter((url) => !url.startsWith("blob:")).length;
    await upload(join(specimens, "id-td2-scan.png"));
    await shown("result");
    assert.deepEqual(await lines(), expected.get("id-td2-scan.png"));
    assert.equal(requests.filter((url) => !url.startsWith("blob:")).length, before);
    await again("result");
  }],
  ["a wrong check digit is said", async () => {
    await upload(join(specimens, "passport-wrong-check.jpg"));
    await shown("result");
    assert.match(await page.getAttribute("#verdict-box", "class"), /bad/);
    assert.ok((await page.locator('#checks [data-ok="false"]').count()) > 0);
    await again("result");
  }],
  ["a picture without lines gives advice", async () => {
    await upload(join(specimens, "id-card-front.jpg"));
    await shown("result");
    assert.match(await page.textContent("#verdict"), /No machine-readable lines/);
    await accessible();
    await again("result");
  }],
  ["errors have codes and words", async () => {
    const whole = await readFile(join(specimens, "passport.jpg"));
    const cases = [
      ["NotAPicture", "notes.jpg", Buffer.from("this is no picture")],
      ["Empty", "empty.png", Buffer.alloc(0)],
      ["Broken", "cut.jpg", whole.subarray(0, whole.length >> 1)],
      ["Unsupported", "paper.pdf", Buffer.from("%PDF-1.4\n%%EOF")],
    ];
    for (const [code, name, buffer] of cases) {
      await upload({ name, mimeType: "application/octet-stream", buffer });
      await shown("problem");
      assert.equal(await page.getAttribute("#problem", "data-code"), code);
      assert.ok((await page.textContent("#problem-text")).length > 10);
      if (code === "Broken") await accessible();
      await again("problem");
    }
  }],
  ["a picture beyond the budget is scaled with a notice", async () => {
    const png = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(7000, 5200);
      canvas.getContext("2d").fillRect(0, 0, 7000, 5200);
      const blob = await canvas.convertToBlob();
      return [...new Uint8Array(await blob.arrayBuffer())];
    });
    await upload({ name: "huge.png", mimeType: "image/png", buffer: Buffer.from(png) });
    await shown("result");
    assert.match(await page.textContent("#notice"), /scaled it down/);
    await again("result");
  }],
  ["foreign addresses are out of reach of page and worker", async () => {
    const foreign = address.replace("127.0.0.1", "localhost");
    const fromPage = await page.evaluate((url) => fetch(url, { mode: "no-cors" }).then(() => true, () => false), foreign);
    const fromWorker = await page.evaluate((url) => globalThis.nibbleTest.reaches(url), foreign);
    assert.deepEqual({ fromPage, fromWorker }, { fromPage: false, fromWorker: false });
    // The probe itself works: the page's own address is within reach of the worker.
    assert.ok(await page.evaluate((url) => globalThis.nibbleTest.reaches(url), address));
  }],
  ["languages change everything that is said", async () => {
    for (const [language, title] of [["de", "Reisepass"], ["fr", "passeport"], ["en", "passport"]]) {
      await page.selectOption("#language", language);
      assert.match(await page.textContent("h1"), new RegExp(title));
      assert.equal(await page.getAttribute("html", "lang"), language);
      await noSidewaysScroll();
    }
  }],
  ["dark and desktop are accessible too", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    // Colours fade over a moment; what counts is where they end.
    await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
    await accessible();
    await page.click("#samples li:nth-child(2) button");
    await shown("result");
    assert.deepEqual(await lines(), expected.get("id-card-back.jpg"));
    await accessible();
    await again("result");
  }],
  ["the page logged no error", async () => assert.deepEqual(faults, [])],
  ...(process.env.SCREENS === undefined ? [] : [["screenshots", screens]]),
], fresh);

/** Pictures of each view for docs/screens. */
async function screens() {
  const folder = join(repository, "docs/screens");
  await mkdir(folder, { recursive: true });
  for (const [width, scheme] of [[360, "light"], [1280, "light"], [360, "dark"]]) {
    const other = await browser.newContext({ viewport: { width, height: width === 360 ? 740 : 860 }, colorScheme: scheme, locale: "en-GB" });
    const view = await other.newPage();
    await view.goto(address);
    await view.waitForLoadState("networkidle");
    const name = (kind) => join(folder, `${kind}-${width}${scheme === "dark" ? "-dark" : ""}.png`);
    await view.screenshot({ path: name("start") });
    await view.click("#samples li:first-child button");
    await view.waitForSelector("#result:not([hidden])");
    await view.waitForTimeout(300);
    await view.screenshot({ path: name("result"), fullPage: true });
    await other.close();
  }
}

await browser.close();
close();
