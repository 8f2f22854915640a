/**
 * Tests the rows of the table in Chromium: what undo brings back, several documents in a picture,
 * files that cannot be opened, dates in order, folders, and the ways to the table and out of it.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { unzipSync, strFromU8 } from "fflate";
import { chromium } from "playwright-core";
import * as axe from "./axe.mjs";
import { drop, dropFolder, sheetOf } from "./dropped.mjs";
import { arrive, readAgain } from "./hands.mjs";
import { CHROMIUM, site, suite } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const { address, close } = await site();
const browser = await chromium.launch(CHROMIUM);
const context = await browser.newContext({
  viewport: { width: 1280, height: 800 },
  locale: "en-GB",
  permissions: ["clipboard-read", "clipboard-write"],
});
const page = await context.newPage();
const faults = [];
page.on("pageerror", (error) => faults.push(String(error)));
page.setDefaultTimeout(30_000);

const NOTES = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") };
const shown = (id) => page.waitForSelector(`#${id}:not([hidden])`);
const finished = () => page.waitForSelector("#batch-csv:not([hidden])");
const rows = () => page.locator("#batch-rows tr");
const texts = () => rows().allTextContents();
const names = () => page.locator("#batch-rows th").allTextContents();
const counted = (count) =>
  page.waitForFunction(
    (count) => document.querySelectorAll("#batch-rows tr").length === count,
    count,
  );

/** A file to choose together with others. */
async function chosen(name) {
  const mimeType = name.endsWith("webp") ? "image/webp" : "image/jpeg";
  return { name, mimeType, buffer: await readFile(specimen(name)) };
}

/** Chooses files that become a table, and waits until they are read. */
async function upload(...files) {
  const all = files.map((file) => (typeof file === "string" ? chosen(file) : file));
  await page.setInputFiles("#file", await Promise.all(all));
  await finished();
}

/** Saves by a button and returns the content of the file. */
async function saved(button) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  return readFile(await download.path());
}

/** Returns to an empty start. */
async function fresh() {
  await page.goto("about:blank");
  await arrive(page, address);
}

await suite(
  [
    [
      "undo takes back one change at a time, and loses no file that was added",
      async () => {
        await upload("passport.jpg", "id-td2.jpg");
        const before = await texts();
        await rows().first().locator(".remove").click();
        await counted(1);
        await drop(page, ["id-card-back.jpg"]);
        await counted(2);
        await finished();
        const [, added] = await texts();
        assert.match(added, /OKONKWO, TIAGO/);
        await rows().first().locator(".remove").click();
        assert.deepEqual(await texts(), [added]);
        await page.keyboard.press("Control+z");
        assert.deepEqual(await texts(), [before[1], added]);
        await page.keyboard.press("Control+z");
        assert.deepEqual(await texts(), [before[1]]);
        await page.keyboard.press("Control+z");
        assert.deepEqual(await texts(), before);
        assert.equal(await page.isVisible("#batch-undo"), false);
      },
    ],
    [
      "a picture of two documents is two rows, in the table and in all that leaves it",
      async () => {
        const sheet = await sheetOf(page, ["passport.jpg", "id-card-back.jpg"]);
        await upload(sheet, "id-td2.jpg");
        assert.deepEqual(await names(), [
          "sheet.png, document 1",
          "sheet.png, document 2",
          "id-td2.jpg",
        ]);
        const [first, second] = await texts();
        assert.match(first, /Valid.*ROSSI, ANNA MARIA/);
        assert.match(second, /Valid.*OKONKWO, TIAGO/);
        const csv = String(await saved("#batch-csv"))
          .trimEnd()
          .split("\r\n");
        assert.equal(csv.length, 4);
        assert.match(csv[1], /^"sheet.png, document 1",valid,TD3,UTO,ROSSI,/);
        assert.match(csv[2], /^"sheet.png, document 2",valid,TD1,UTO,OKONKWO,TIAGO,/);
        const book = unzipSync(await saved("#batch-xlsx"));
        const sheets = strFromU8(book["xl/worksheets/sheet1.xml"]);
        assert.equal(sheets.match(/<row /g).length, 4);
        assert.match(strFromU8(book["xl/sharedStrings.xml"]), /sheet\.png, document 2/);
        await page.click("#batch-copy");
        await page.getByText("Copied.").waitFor();
        const copied = (await page.evaluate(() => navigator.clipboard.readText())).split("\n");
        assert.equal(copied.length, 4);
        assert.match(copied[2], /^sheet.png, document 2\tvalid\tTD1\t/);
        // Each row shows its own document, at every precision, and none of the other.
        await rows().nth(1).locator("th button").click();
        await shown("result");
        const lines = () => page.textContent("#lines");
        assert.deepEqual((await lines()).split("\n"), expected.get("id-card-back.jpg"));
        assert.equal(await page.isVisible("#documents"), false);
        assert.equal(await page.locator("#review [data-review=note]").count(), 0);
        await readAgain(page, "u8");
        assert.deepEqual((await lines()).split("\n"), expected.get("id-card-back.jpg"));
        // A document that is removed comes back alone.
        await page.click("#to-table");
        await rows().nth(1).locator(".remove").click();
        await counted(2);
        await page.keyboard.press("Control+z");
        await counted(3);
        await axe.accessible(page);
      },
    ],
    [
      "a row that is removed while it is read comes back with all its documents",
      async () => {
        const sheet = await sheetOf(page, ["passport.jpg", "id-card-back.jpg"]);
        // Pressed within the page while the sheet is read.
        await page.evaluate(() => {
          const observer = new MutationObserver(() => {
            const row = document.querySelectorAll("#batch-rows tr")[1];
            if (document.querySelector('#batch-rows [data-tone="good"]') === null) return;
            observer.disconnect();
            row.querySelector(".remove").click();
          });
          observer.observe(document.querySelector("#batch"), { childList: true, subtree: true });
        });
        await upload("id-td2.jpg", sheet, "visa-a.jpg");
        assert.deepEqual(await names(), ["id-td2.jpg", "visa-a.jpg"]);
        await page.click("#batch-undo");
        await counted(4);
        assert.deepEqual((await names()).slice(1, 3), [
          "sheet.png, document 1",
          "sheet.png, document 2",
        ]);
        assert.equal(await page.isVisible("#batch-resume"), false);
      },
    ],
    [
      "dates are sorted as days, not as texts",
      async () => {
        await upload("id-card-back.jpg", "visa-a.jpg", "passport.jpg", "id-td2.jpg");
        await page.click("#batch thead th:nth-child(5) button");
        assert.deepEqual(await names(), [
          "passport.jpg",
          "id-td2.jpg",
          "id-card-back.jpg",
          "visa-a.jpg",
        ]);
        await page.click("#batch thead th:nth-child(6) button");
        assert.deepEqual(await names(), [
          "id-card-back.jpg",
          "visa-a.jpg",
          "id-td2.jpg",
          "passport.jpg",
        ]);
        await page.click("#batch thead th:nth-child(6) button");
        assert.equal((await names())[0], "passport.jpg");
      },
    ],
    [
      "files that could not be opened are counted and shown apart",
      async () => {
        await upload("passport.jpg", NOTES, "id-card-front.jpg");
        assert.equal(
          await page.textContent("#batch-sums"),
          "1 valid · 0 to check · 1 wrong or not read · 1 could not be opened",
        );
        await page.selectOption("#batch-filter", "unopened");
        assert.deepEqual(await names(), ["notes.txt"]);
        await page.selectOption("#batch-filter", "bad");
        assert.deepEqual(await names(), ["id-card-front.jpg"]);
      },
    ],
    [
      "a table that was cleared can be brought back, until something else is read",
      async () => {
        await upload("passport.jpg", "id-td2.jpg");
        const before = await texts();
        await page.click("#batch-clear");
        await shown("start");
        assert.equal(await page.textContent("#drop-said"), "The table is empty now.");
        assert.equal(await page.textContent("#start-table"), "Bring the table back");
        await axe.accessible(page);
        await page.click("#start-table");
        await shown("batch");
        assert.deepEqual(await texts(), before);
        await page.click("#batch-clear");
        await shown("start");
        await page.keyboard.press("Control+z");
        await shown("batch");
        assert.deepEqual(await texts(), before);
        await page.click("#batch-clear");
        await page.setInputFiles("#file", specimen("passport.jpg"));
        await shown("result");
        await page.click("#result .again");
        await shown("start");
        assert.equal(await page.isVisible("#start-table"), false);
      },
    ],
    [
      "the start leads back to the table, wherever one came from",
      async () => {
        assert.equal(await page.isVisible("#start-table"), false);
        await upload("passport.jpg", "id-td2.jpg");
        const before = await texts();
        for (const leave of [".brand", '#views a[href="#read"]', "#batch-again"]) {
          await page.click(leave);
          await shown("start");
          assert.equal(await page.textContent("#start-table"), "Back to the table");
          await page.click("#start-table");
          await shown("batch");
          assert.deepEqual(await texts(), before);
        }
        await page.click("#batch-again");
        await page.selectOption("#language", "de");
        await page.getByText("Zurück zur Tabelle").first().waitFor();
        await page.selectOption("#language", "en");
        await page.getByText("Back to the table").first().waitFor();
        await axe.accessibleInBoth(page);
      },
    ],
    [
      "a folder is walked: pictures of all its folders, in the order of their names",
      async () => {
        await dropFolder(page, "scans", {
          "b 10.jpg": "id-td2.jpg",
          "b 9.jpg": "passport.jpg",
          ".hidden.jpg": "visa-a.jpg",
          "notes.txt": "no picture",
          "a folder": { "deeper.jpg": "id-card-back.jpg", empty: {} },
        });
        await finished();
        assert.deepEqual(await names(), ["deeper.jpg", "b 9.jpg", "b 10.jpg"]);
        assert.match((await texts())[0], /OKONKWO, TIAGO/);
        await dropFolder(page, "nothing", { "notes.txt": "no picture" });
        await page.getByText("There was no picture in it.").waitFor();
        await counted(3);
      },
    ],
    [
      "with sixty rows the buttons stay in sight, and the way back keeps its place",
      async () => {
        await upload(...Array(60).fill("id-td2.jpg"));
        const inView = () =>
          page.evaluate(() => {
            const { top, bottom } = document.querySelector("#batch-csv").getBoundingClientRect();
            return top >= 0 && bottom <= innerHeight;
          });
        assert.equal(await inView(), true);
        await rows().nth(40).locator("th button").scrollIntoViewIfNeeded();
        assert.equal(await inView(), true);
        const place = await page.evaluate(() => scrollY);
        assert.ok(place > 100, `${place} pixels`);
        await rows().nth(40).locator("th button").click();
        await shown("result");
        await page.click("#to-table");
        await shown("batch");
        assert.ok(Math.abs((await page.evaluate(() => scrollY)) - place) < 5);
      },
    ],
    [
      "an expired document says so in its row, and beside a valid verdict",
      async () => {
        // The day on which the card has expired and the passport has not.
        await page.clock.setFixedTime(new Date("2027-12-01T12:00:00"));
        await upload("passport.jpg", "id-card-back.jpg");
        const warnings = await rows().evaluateAll((all) =>
          all.map((row) => row.querySelector("[data-warning]")?.textContent),
        );
        assert.deepEqual(warnings, ["Expires within six months", "Expired"]);
        await rows().last().locator("th button").click();
        await shown("result");
        assert.match(await page.getAttribute("#verdict-box", "class"), /good/);
        assert.match(await page.textContent("#verdict-text"), /match.*The document has expired\.$/);
        await page.goBack();
        await shown("batch");
        await rows().first().locator("th button").click();
        await shown("result");
        assert.doesNotMatch(await page.textContent("#verdict-text"), /expired/);
      },
    ],
    ["the page logged no error", async () => assert.deepEqual(faults, [])],
  ],
  fresh,
);

await browser.close();
close();
