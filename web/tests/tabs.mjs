/**
 * Tests tabs in Chromium: one that the system freezes in the middle of a table, two that read at
 * once, and one on a host that forbids workers from within a page.
 */
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { CHROMIUM, site, suite } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const server = await site();
const browser = await chromium.launch(CHROMIUM);

/** Specimens with valid zones, and whose they are. */
const SPECIMENS = [
  ["passport.jpg", "ROSSI, ANNA MARIA"],
  ["id-td2.jpg", "OKONKWO, CHIDINMA"],
  ["id-td2-scan.png", "TANAKA, LUCA"],
  ["passport-turned.jpg", "HADDAD, KWAME"],
  ["visa-b.webp", "MOREAU, LEYLA"],
  ["id-card-back.jpg", "OKONKWO, TIAGO"],
];
/** How long the system keeps a tab frozen, in milliseconds. */
const FROZEN = 4000;

async function open(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(server.address);
  await page.waitForSelector("#start:not([hidden])");
  return page;
}

/** Puts specimens in the page's table. */
const upload = (page, specimens) =>
  page.setInputFiles(
    "#file",
    specimens.map(([file]) => specimen(file)),
  );

/** Waits until the table is complete, and checks that each row is valid and names the right person. */
async function complete(page, specimens) {
  await page.waitForSelector("#batch-csv:not([hidden])");
  const rows = await page.locator("#batch-rows tr").allTextContents();
  assert.equal(rows.length, specimens.length);
  for (const [place, [file, name]] of specimens.entries())
    for (const text of [file, name, "Valid"])
      assert.ok(rows[place].includes(text), `${rows[place]} lacks ${text}`);
}

const newContext = () => browser.newContext({ locale: "en-GB", serviceWorkers: "block" });

await suite([
  [
    "frozen in the middle of a table, it goes on afterwards and loses nothing",
    async () => {
      const context = await newContext();
      const page = await open(context);
      const devtools = await context.newCDPSession(page);
      const many = [...SPECIMENS, ...SPECIMENS, ...SPECIMENS, ...SPECIMENS];
      await upload(page, many);
      await page.waitForSelector("#batch-rows tr");
      assert.ok(await page.isHidden("#batch-csv"), "the table is not complete yet");
      await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
      await new Promise((resolve) => setTimeout(resolve, FROZEN));
      await devtools.send("Page.setWebLifecycleState", { state: "active" });
      await complete(page, many);
      await context.close();
    },
  ],
  [
    "two tabs read at once, each its own files",
    async () => {
      const context = await newContext();
      const [first, second] = [await open(context), await open(context)];
      const reversed = SPECIMENS.toReversed();
      await Promise.all([upload(first, SPECIMENS), upload(second, reversed)]);
      await Promise.all([complete(first, SPECIMENS), complete(second, reversed)]);
      await context.close();
    },
  ],
  [
    "a host that forbids workers from within the page costs one more file",
    async () => {
      server.headers = { "content-security-policy": "worker-src 'self'" };
      const context = await newContext();
      const page = await open(context);
      await page.setInputFiles("#file", specimen("passport.jpg"));
      await page.waitForSelector("#result:not([hidden])");
      assert.deepEqual(
        (await page.textContent("#lines")).split("\n"),
        expected.get("passport.jpg"),
      );
      await context.close();
      server.headers = {};
    },
  ],
]);

await browser.close();
server.close();
