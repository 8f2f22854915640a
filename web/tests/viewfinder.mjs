/**
 * Tests the size of the camera's picture on a phone, upright and in landscape, in Chromium: it has
 * most of the screen, and what belongs to it can be reached.
 */
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { accessible, noSidewaysScroll } from "./axe.mjs";
import { fakeCamera, film } from "./film.mjs";
import { CHROMIUM, site, suite } from "./site.mjs";

const { address, close } = await site();
const plain = await chromium.launch(CHROMIUM);
const launch = (switches) =>
  chromium.launch({ ...CHROMIUM, args: [...CHROMIUM.args, ...switches] });
const upright = await launch(
  fakeCamera(await film(plain, "passport-wrong-check.jpg", 40, 4, { upright: true }), true),
);
const lying = await launch(fakeCamera(await film(plain, "passport-wrong-check.jpg"), true));

/** Runs in the page before its own code: the stream of an upright phone, which no screen turns here. */
const turned = () => {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = ({ video: { width, height, ...rest } }) =>
    ask({ video: { ...rest, width: height, height: width } });
};

let page;
async function open(browser, [width, height], scripts = []) {
  await page?.context().close();
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
    locale: "en-GB",
    permissions: ["camera"],
  });
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
  for (const script of scripts) await page.addInitScript(script);
  await page.goto(address);
  await page.click("#camera-open");
  await page.waitForSelector("#camera-overlay polygon", { state: "attached" });
}

const box = (selector) =>
  page.evaluate((selector) => {
    const { left, top, right, bottom } = document.querySelector(selector).getBoundingClientRect();
    return { left, top, right, bottom, width: right - left, height: bottom - top };
  }, selector);

/** Whether the middle of an element is seen, and nothing lies on it. */
const isReachable = (selector) =>
  page.evaluate((selector) => {
    const element = document.querySelector(selector);
    const { left, top, right, bottom } = element.getBoundingClientRect();
    if (top < 0 || bottom > innerHeight || left < 0 || right > innerWidth) return false;
    const found = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return found === element || element.contains(found);
  }, selector);

/** Checks that the picture has a share of the screen, and that the rest is there. */
async function fills(share) {
  const { width, height } = page.viewportSize();
  const seen = await box(".viewfinder");
  const part = (seen.width * seen.height) / (width * height);
  assert.ok(part >= share, `${Math.round(seen.width)} x ${Math.round(seen.height)} pixels`);
  assert.deepEqual([seen.left, seen.top], [0, 0]);
  // What takes the most room: a document that is offered.
  await page.waitForSelector("#camera-use", { state: "visible" });
  const buttons = ["#camera-close", "#camera-use", "#sound", "#series"];
  for (const button of width < height ? [...buttons, "#camera-choose"] : buttons)
    assert.ok(await isReachable(button), button);
  assert.ok(await isReachable("#camera-hint"));
  // What lies below does not take the focus.
  const isHidden = await page.evaluate(
    () => getComputedStyle(document.querySelector("header")).visibility,
  );
  assert.equal(isHidden, "hidden");
  await noSidewaysScroll(page);
  await accessible(page);
}

await suite([
  [
    "upright: the picture is as wide as the screen, and has three fifths of it at least",
    async () => {
      await open(upright, [360, 740], [turned]);
      await fills(0.6);
      const video = await box("#video");
      assert.deepEqual([video.width, video.height >= 444], [360, true]);
      // The guide has the shape of a page, and is whole.
      const [guide, finder] = [await box(".guide"), await box(".viewfinder")];
      assert.ok(guide.top > finder.top && guide.bottom < finder.bottom);
      assert.ok(Math.abs(guide.width / guide.height - 1.42) < 0.05);
    },
  ],
  [
    "upright, with a camera that lies on its side: the frame is seen as it is read",
    async () => {
      await open(lying, [360, 740]);
      await fills(0.6);
      const video = await box("#video");
      assert.equal(video.width, 360);
      assert.ok(Math.abs(video.width / video.height - 4 / 3) < 0.02);
    },
  ],
  [
    "in landscape: the picture is as high as the screen, and has two thirds of it",
    async () => {
      await open(lying, [740, 360]);
      await fills(0.65);
      assert.equal((await box("#video")).height, 360);
    },
  ],
  [
    "on the smallest screen everything can be scrolled to, below the picture",
    async () => {
      await open(upright, [320, 480], [turned]);
      const { height } = await box(".viewfinder");
      assert.ok(height >= 0.6 * 480, `${height} pixels`);
      await page.locator("#camera-close").scrollIntoViewIfNeeded();
      assert.ok(await isReachable("#camera-close"));
      await page.click("#camera-close");
      await page.waitForSelector("#start:not([hidden])");
      const header = await page.evaluate(
        () => getComputedStyle(document.querySelector("header")).visibility,
      );
      assert.equal(header, "visible");
    },
  ],
]);

for (const browser of [plain, upright, lying]) await browser.close();
close();
