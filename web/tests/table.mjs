/**
 * Tests what a day's work with the page needs, in Chromium: the browser's history, a table that
 * grows, stops, sorts and asks before it is lost, folders, and several documents in a picture.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import * as axe from "./axe.mjs";
import { drop, sheetOf } from "./dropped.mjs";
import { arrive } from "./hands.mjs";
import { CHROMIUM, site, suite } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const { address, close } = await site();
const browser = await chromium.launch(CHROMIUM);
const context = await browser.newContext({
  viewport: { width: 1280, height: 800 },
  locale: "en-GB",
});
const page = await context.newPage();
const faults = [];
page.on("pageerror", (error) => faults.push(String(error)));
page.setDefaultTimeout(30_000);

const upload = (...names) => page.setInputFiles("#file", names.map(specimen));
const shown = (id) => page.waitForSelector(`#${id}:not([hidden])`);
const lines = async () => (await page.textContent("#lines")).split("\n");
const finished = () => page.waitForSelector("#batch-csv:not([hidden])");
const rows = () => page.locator("#batch-rows tr");

/** Returns to an empty start. */
async function fresh() {
  await page.goto("about:blank");
  await arrive(page, address);
}

await suite(
  [
    [
      "back leads from a result to the start, and forward to the result again",
      async () => {
        await upload("passport.jpg");
        await shown("result");
        await page.goBack();
        await shown("start");
        assert.match(page.url(), new RegExp(`^${address}`));
        await page.goForward();
        await shown("result");
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
      },
    ],
    [
      "back leads from a row's result to the table, and from another view to the result",
      async () => {
        await upload("passport.jpg", "id-card-back.jpg");
        await finished();
        await rows().last().locator("th button").click();
        await shown("result");
        await page.click('#views a[href="#bench"]');
        await page.waitForSelector("#view-bench:not([hidden])");
        await page.goBack();
        await page.waitForSelector("#view-read:not([hidden])");
        await shown("result");
        assert.deepEqual(await lines(), expected.get("id-card-back.jpg"));
        await page.goBack();
        await shown("batch");
        assert.equal(await rows().count(), 2);
        await page.goBack();
        await shown("start");
        await page.goForward();
        await shown("batch");
        assert.equal(await rows().count(), 2);
      },
    ],
    [
      "the brand and Read lead from a result to the start",
      async () => {
        for (const link of [".brand", '#views a[href="#read"]']) {
          await upload("passport.jpg");
          await shown("result");
          await page.click(link);
          await shown("start");
        }
      },
    ],
    [
      "pictures dropped on a table are added to it",
      async () => {
        await upload("passport.jpg", "id-card-front.jpg");
        await finished();
        await drop(page, ["id-card-back.jpg"]);
        await page.waitForFunction(() => document.querySelectorAll("#batch-rows tr").length === 3);
        await finished();
        assert.equal(
          await page.textContent("#batch-sums"),
          "2 valid · 0 to check · 1 wrong or not read",
        );
        await axe.accessible(page);
        // At this width no column is cut.
        const cut = await page.evaluate(() => {
          const box = document.querySelector("#batch .scroll");
          return box.scrollWidth - box.clientWidth;
        });
        assert.ok(cut <= 0, `${cut} pixels of the table are cut`);
      },
    ],
    [
      "a table is filtered and sorted",
      async () => {
        await upload("passport.jpg", "id-card-front.jpg", "id-card-back.jpg");
        await finished();
        await page.selectOption("#batch-filter", "good");
        assert.equal(await rows().count(), 2);
        await page.selectOption("#batch-filter", "all");
        const names = () => page.locator("#batch-rows th").allTextContents();
        await page.click("#batch thead th:first-child button");
        assert.deepEqual(await names(), ["id-card-back.jpg", "id-card-front.jpg", "passport.jpg"]);
        await page.click("#batch thead th:first-child button");
        assert.deepEqual(await names(), ["passport.jpg", "id-card-front.jpg", "id-card-back.jpg"]);
        assert.equal(
          await page.getAttribute("#batch thead th:first-child", "aria-sort"),
          "descending",
        );
      },
    ],
    [
      "the browser asks before a table is lost, until it is saved",
      async () => {
        await upload("passport.jpg", "id-card-back.jpg");
        await finished();
        const asked = () =>
          page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })));
        assert.equal(await asked(), true);
        await Promise.all([page.waitForEvent("download"), page.click("#batch-csv")]);
        assert.equal(await asked(), false);
      },
    ],
    [
      "dropped text gets a sentence",
      async () => {
        await page.evaluate(() => {
          const data = new DataTransfer();
          data.setData("text/plain", "https://example.org/passport.jpg");
          document
            .querySelector("#main")
            .dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        });
        await page.waitForFunction(() => document.querySelector("#drop-said").textContent !== "");
        assert.match(await page.textContent("#drop-said"), /Only files with pictures/);
      },
    ],
    [
      "each document of a picture can be shown",
      async () => {
        await page.setInputFiles(
          "#file",
          await sheetOf(page, ["passport.jpg", "id-card-back.jpg"]),
        );
        await shown("result");
        const buttons = page.locator("#documents button");
        assert.equal(await buttons.count(), 2);
        await buttons.nth(1).click();
        assert.deepEqual(await lines(), expected.get("id-card-back.jpg"));
        assert.equal(await buttons.nth(1).getAttribute("aria-pressed"), "true");
        await buttons.nth(0).click();
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
        await axe.accessible(page);
      },
    ],
    [
      "a table survives a reload only if asked, without pictures, until it is emptied",
      async () => {
        const stored = () => page.evaluate(() => Object.entries(sessionStorage));
        const texts = () => rows().allTextContents();
        const reload = async (section) => {
          await page.reload();
          await shown(section);
        };
        const files = await Promise.all(
          ["passport.jpg", "id-card-front.jpg"].map(async (name) => ({
            name,
            mimeType: "image/jpeg",
            buffer: await readFile(specimen(name)),
          })),
        );
        const note = {
          name: "notes.txt",
          mimeType: "text/plain",
          buffer: Buffer.from("no picture"),
        };
        await page.setInputFiles("#file", [...files, note]);
        await finished();
        assert.deepEqual(await stored(), []);
        await reload("start");
        assert.equal(await rows().count(), 0);
        await page.setInputFiles("#file", [...files, note]);
        await finished();
        await page.check("#batch-keep");
        const before = await texts();
        assert.match(
          await page.textContent(`#${await page.getAttribute("#batch-keep", "aria-describedby")}`),
          /not the pictures.*until you close this tab, clear the table/,
        );
        await axe.accessibleInBoth(page);
        await reload("batch");
        assert.deepEqual(await texts(), before);
        assert.equal(await page.isChecked("#batch-keep"), true);
        assert.equal(
          await page.textContent("#batch-keep-said"),
          "This table was kept in this tab.",
        );
        // A reading is there, its picture is not.
        await rows().first().locator("th button").click();
        await shown("result");
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
        assert.match(await page.textContent("#notice"), /picture wasn’t kept/);
        assert.deepEqual(
          await Promise.all(["#picture", "#precision"].map((part) => page.isVisible(part))),
          [false, false],
        );
        await axe.accessibleInBoth(page);
        await page.goBack();
        await shown("batch");
        // What is added is kept too.
        await page.setInputFiles("#file", specimen("id-card-back.jpg"));
        await page.waitForFunction(() => document.querySelectorAll("#batch-rows tr").length === 4);
        await finished();
        await reload("batch");
        assert.equal(await rows().count(), 4);
        // The last row that is removed takes what is stored with it.
        for (let left = 4; left > 0; left--) await rows().last().locator(".remove").click();
        assert.deepEqual(await stored(), []);
        assert.equal(await page.isChecked("#batch-keep"), false);
        await reload("start");
        assert.deepEqual(await stored(), []);
      },
    ],
    [
      "a table is not kept any more once the choice is withdrawn or there is no room",
      async () => {
        const stored = () => page.evaluate(() => sessionStorage.length);
        await upload("passport.jpg", "id-card-back.jpg");
        await finished();
        await page.check("#batch-keep");
        assert.equal(await stored(), 1);
        await page.uncheck("#batch-keep");
        assert.equal(await stored(), 0);
        await page.check("#batch-keep");
        await page.click("#batch-clear");
        assert.equal(await stored(), 0);
        for (const [name, sentence] of [
          ["QuotaExceededError", /has no room/],
          ["SecurityError", /doesn’t let the page keep/],
        ]) {
          await fresh();
          await page.evaluate((name) => {
            Storage.prototype.setItem = () => {
              throw new DOMException("", name);
            };
          }, name);
          await upload("passport.jpg", "id-card-back.jpg");
          await finished();
          await page.click("#batch-keep");
          assert.match(await page.textContent("#batch-keep-said"), sentence);
          assert.equal(await page.isChecked("#batch-keep"), false);
        }
        // What another version has left, or what is damaged, is no reason to fail.
        await page.evaluate(() => {
          sessionStorage["nibble-table-1"] = "{";
          delete Storage.prototype.setItem;
        });
        await page.reload();
        await shown("start");
        await page.waitForFunction(() => sessionStorage.length === 0);
      },
    ],
    ["the page logged no error", async () => assert.deepEqual(faults, [])],
  ],
  fresh,
);

await browser.close();
close();
