/** Takes the screenshots of the reading view for docs/screens: `node tests/screens.mjs`. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { fakeCamera, film } from "./film.mjs";
import { CHROMIUM, repository, site } from "./site.mjs";
import { specimen } from "./specimens.mjs";

const TABLE = [
  "passport.jpg",
  "id-card-back.jpg",
  "passport-wrong-check.jpg",
  "visa-b.webp",
  "id-card-front.jpg",
];

const folder = join(repository, "docs/screens");
await mkdir(folder, { recursive: true });
const { address, close } = await site();
const projector = await chromium.launch(CHROMIUM);
/** A browser whose camera sees a document that never becomes valid, so that the camera view stays. */
async function filmed(upright) {
  const roll = await film(projector, "passport-wrong-check.jpg", 40, 4, { upright });
  return chromium.launch({ ...CHROMIUM, args: [...CHROMIUM.args, ...fakeCamera(roll, true)] });
}
const [phone, desktop] = [await filmed(true), await filmed(false)];
await projector.close();

for (const [width, height, colorScheme, language, forcedColors] of [
  [320, 640, "light", "en-GB"],
  [360, 740, "light", "en-GB"],
  [390, 844, "light", "en-GB"],
  [768, 1024, "light", "en-GB"],
  [1280, 860, "light", "en-GB"],
  [360, 740, "dark", "ar"],
  [360, 740, "light", "en-GB", "active"],
]) {
  const isPhone = width < 640;
  const context = await (isPhone ? phone : desktop).newContext({
    viewport: { width, height },
    colorScheme,
    locale: language,
    permissions: ["camera"],
    ...(forcedColors && { forcedColors }),
  });
  // The stream of an upright phone: here no screen turns it.
  if (isPhone)
    await context.addInitScript(() => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = ({ video: { width, height, ...rest } }) =>
        ask({ video: { ...rest, width: height, height: width } });
    });
  const page = await context.newPage();
  const keep = (name, fullPage) => {
    const suffix =
      colorScheme === "dark" ? `-${language}-dark` : forcedColors ? "-forced-colours" : "";
    return page.screenshot({
      path: join(folder, `${name}-${width}${suffix}.jpg`),
      type: "jpeg",
      quality: 82,
      fullPage,
    });
  };
  await page.goto(address);
  await page.waitForLoadState("networkidle");
  await keep("start", false);
  await page.click("#camera-open");
  await page.waitForFunction(
    () =>
      document.querySelectorAll("[data-live][data-state=settled]").length > 1 &&
      document.querySelector("#camera-overlay polygon") !== null,
  );
  await keep("camera", false);
  await page.click("#camera-close");
  await page.setInputFiles("#file", TABLE.map(specimen));
  await page.waitForSelector("#batch-csv:not([hidden])");
  await keep("table", false);
  await page.click("#batch .again");
  await page.click("#samples li:first-child button");
  await page.waitForSelector("#result:not([hidden])");
  await page.waitForFunction(() => document.querySelector("#picture").complete);
  await keep("result", true);
  await context.close();
}
await Promise.all([phone.close(), desktop.close()]);
close();
