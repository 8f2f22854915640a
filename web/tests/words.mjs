/**
 * Tests what the page says of dates and how it looks, in Chromium: dates that are not stated, known
 * in part or impossible, what is pasted, the size of the lines, forced colours, and old browsers.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import { accessible, noSidewaysScroll } from "./axe.mjs";
import { openAtDesk } from "./hands.mjs";
import { CHROMIUM, site, suite } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const { address, close } = await site();
const browser = await chromium.launch(CHROMIUM);
const faults = [];
let page;

async function open(options = {}) {
  await page?.context().close();
  page = await openAtDesk(browser, address, faults, options);
}

const shown = (id) => page.waitForSelector(`#${id}:not([hidden])`);
const field = (key) => page.textContent(`#fields [data-field=${key}] bdi`);
const clipboard = () => page.evaluate(() => navigator.clipboard.readText());

/** The check digit of characters. */
function digitOf(text) {
  const value = (c) => (c === "<" ? 0 : /\d/.test(c) ? Number(c) : c.charCodeAt(0) - 55);
  return [...text].reduce((sum, c, at) => sum + value(c) * [7, 3, 1][at % 3], 0) % 10;
}

/** The lines of a passport with these dates, whose check digits agree. */
function passport(birth, expiry) {
  const number = "L898902C3";
  const dated = `${birth}${digitOf(birth)}F${expiry}${digitOf(expiry)}`;
  const line = `${number}${digitOf(number)}UTO${dated}<<<<<<<<<<<<<<<`;
  const parts = line.slice(0, 10) + line.slice(13, 20) + line.slice(21, 43);
  return `P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n${line}${digitOf(parts)}`;
}

/** The lines of a Spanish identity card with these dates. */
function spanish(birth, expiry) {
  const first = "IDESPBAA000589599999999R<<<<<<";
  const dated = `${birth}${digitOf(birth)}F${expiry}${digitOf(expiry)}ESP<<<<<<<<<<<`;
  const parts = first.slice(5) + dated.slice(0, 7) + dated.slice(8, 15) + dated.slice(18, 29);
  return `${first}\n${dated}${digitOf(parts)}\nMUESTRA<MUESTRA<<CARMEN<<<<<<<`;
}

/** Types lines in the place of those on the screen. */
async function type(lines) {
  if (await page.isHidden("#edit-panel")) await page.click("#edit");
  await page.fill("#edit-lines", lines);
  await page.waitForFunction(
    (lines) => document.querySelector("#lines").textContent === lines,
    lines,
  );
  assert.equal(await page.textContent("#edit-said"), "");
}

await open();
await suite([
  [
    "a date that is not stated, has no end or does not exist is not called illegible",
    async () => {
      await page.setInputFiles("#file", specimen("passport.jpg"));
      await shown("result");
      await type(passport("<<<<<<", "320101"));
      assert.equal(await field("birth_date"), "Not stated");
      assert.equal(await field("expiry_date"), "1 January 2032");
      await type(passport("731345", "<<<<<<"));
      assert.equal(await field("birth_date"), "Not a valid date: 731345");
      assert.equal(await field("expiry_date"), "Not stated");
      for (const [tag, none, wrong] of [
        ["de", "Nicht angegeben", "Kein gültiges Datum: 731345"],
        ["fr", "Non indiqué", "Date non valable : 731345"],
        ["ar", "غير مذكور", "تاريخ غير صحيح: \u2066731345\u2069"],
        ["en", "Not stated", "Not a valid date: 731345"],
      ]) {
        await page.selectOption("#language", tag);
        await page.waitForFunction((tag) => document.documentElement.lang === tag, tag);
        assert.equal(await field("expiry_date"), none);
        assert.equal(await field("birth_date"), wrong);
      }
      await type(spanish("401016", "990101"));
      assert.equal(await field("expiry_date"), "Does not expire");
      assert.match(await page.getAttribute("#verdict-box", "class"), /good/);
    },
  ],
  [
    "what is known of a birth date is said, copied and saved",
    async () => {
      const copied = async () => {
        await page.click("#copy-row");
        await page.getByText("Copied.").waitFor();
        return (await clipboard()).split("\t")[8];
      };
      await type(passport("85<<<<", "320101"));
      assert.equal(await field("birth_date"), "1985");
      assert.match(await page.textContent("#today"), /years/);
      assert.equal(await copied(), "1985");
      await type(passport("7210<<", "320101"));
      assert.equal(await field("birth_date"), "October 1972");
      assert.equal(await copied(), "1972-10");
      // What is partly unknown is no error.
      assert.equal(await page.textContent("#verdict"), "Edited by hand");
    },
  ],
  [
    "lines that a person has typed with an impossible date are to be checked",
    async () => {
      for (const lines of [passport("731345", "320101"), passport("740812", "260230")]) {
        await type(lines);
        assert.match(await page.getAttribute("#verdict-box", "class"), /warn/);
        assert.equal(await page.textContent("#verdict"), "Please check this reading");
        assert.match(await page.textContent("#reasons"), /does not exist in the calendar/);
        assert.doesNotMatch(await page.textContent("#verdict-text"), /marked below/);
        const oks = await page
          .locator("#checks li")
          .evaluateAll((items) => items.map(({ dataset }) => dataset.ok));
        assert.ok(oks.every((ok) => ok === "true"));
      }
      await type(passport("740812", "320101"));
      assert.equal(await page.textContent("#verdict"), "Edited by hand");
      assert.match(await page.getAttribute("#verdict-box", "class"), /good/);
      assert.equal(await page.isVisible("#reasons"), false);
    },
  ],
  [
    "text that is pasted into the lines is text, and elsewhere no picture",
    async () => {
      const paste = (selector) =>
        page.evaluate((selector) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text/plain", "P<UTO");
          const event = new ClipboardEvent("paste", { clipboardData, bubbles: true });
          document.querySelector(selector).dispatchEvent(event);
        }, selector);
      await paste("#edit-lines");
      await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
      assert.equal(await page.textContent("#drop-said"), "");
      await paste("#result");
      await page.waitForFunction(() => document.querySelector("#drop-said").textContent !== "");
      assert.match(await page.textContent("#drop-said"), /Only files with pictures/);
      // A picture in the clipboard is taken wherever the cursor is.
      const bytes = [...(await readFile(specimen("id-td2.jpg")))];
      await page.evaluate((bytes) => {
        const clipboardData = new DataTransfer();
        const type = "image/jpeg";
        clipboardData.items.add(new File([Uint8Array.from(bytes)], "pasted.jpg", { type }));
        document
          .querySelector("#edit-lines")
          .dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
      }, bytes);
      const lines = expected.get("id-td2.jpg").join("\n");
      await page.waitForFunction(
        (lines) => document.querySelector("#lines").textContent === lines,
        lines,
      );
    },
  ],
  [
    "a name that may be cut off says so, also without given names",
    async () => {
      await type(
        `P<UTO${"ARKFREITH".repeat(5).slice(0, 39)}\n${passport("740812", "320101").split("\n")[1]}`,
      );
      const note = page.locator("[data-field=surname] small");
      assert.equal(await note.textContent(), "may be cut off");
      await type(passport("740812", "320101"));
      assert.equal(await note.count(), 0);
    },
  ],
  [
    "on the smallest screens, the lines are at least 11 pixels high, and nothing is cut",
    async () => {
      for (const width of [320, 360, 390, 768]) {
        await open({ viewport: { width, height: 640 } });
        await page.setInputFiles("#file", specimen("passport.jpg"));
        await shown("result");
        const size = await page.evaluate(() =>
          parseFloat(getComputedStyle(document.querySelector("#lines")).fontSize),
        );
        assert.ok(size >= 11, `${size} pixels at ${width}`);
        await noSidewaysScroll(page);
        const cut = await page.evaluate(() => {
          const box = document.querySelector("#lines");
          return box.scrollWidth - box.clientWidth;
        });
        assert.ok(cut <= 0, `${cut} pixels of the lines are cut at ${width}`);
      }
    },
  ],
  [
    "with forced colours one sees the view, the choice, the bars and the buttons",
    async () => {
      await open({ forcedColors: "active" });
      const style = (selector, name, part) =>
        page.evaluate(
          ([selector, name, part]) =>
            getComputedStyle(document.querySelector(selector), part).getPropertyValue(name),
          [selector, name, part],
        );
      assert.equal(await style("#views [aria-current]", "outline-style"), "solid");
      assert.equal(await style('#views a[href="#bench"]', "outline-style"), "none");
      await page.setInputFiles("#file", specimen("passport.jpg"));
      await shown("result");
      assert.equal(await style("#precision input:checked + span", "outline-style"), "solid");
      assert.equal(await style("#precision input:not(:checked) + span", "outline-style"), "none");
      assert.equal(await style("#times progress", "outline-style"), "solid");
      const paper = await style("body", "background-color");
      // The sign on the buttons that copy a field is drawn by its ground.
      assert.notEqual(await style(".copy-field", "background-color", "::before"), paper);
      assert.notEqual(await style("#verdict-icon", "stroke"), paper);
      await accessible(page);
    },
  ],
  [
    "numbers of the other views have the digits of the document, in Arabic too",
    async () => {
      await open({ locale: "ar-EG" });
      await page.goto(`${address}?lang=ar#how`);
      await page.waitForSelector("#how-lane .dot");
      for (const view of ["#how", "#bench"]) {
        await page.click(`#views a[href="${view}"]`);
        await page.waitForSelector(`#view-${view.slice(1)}:not([hidden]) h1`);
        if (view === "#bench") {
          await page.click('[data-reference="arXiv:2009.06488"]');
          await page.locator(".source").waitFor();
        }
        const text = await page.textContent(`#view-${view.slice(1)}`);
        assert.match(text, /\d/);
        assert.doesNotMatch(text, /[\u0660-\u0669]/);
      }
    },
  ],
  [
    "a browser without modules gets a sentence in its language",
    async () => {
      await open({ locale: "de-DE" });
      const html = await (await page.request.get(address)).text();
      const [, script] = /<script nomodule[^>]* src="\.\/([^"]+)"/.exec(html);
      assert.equal(await page.locator("#old").count(), 0);
      await page.addScriptTag({ url: `${address}${script}` });
      assert.match(await page.textContent("#old"), /Dieser Browser ist zu alt/);
      // Nothing in it is newer than what such a browser understands.
      const code = await (await page.request.get(`${address}${script}`)).text();
      assert.doesNotMatch(code, /=>|\b(?:let|const|class|import)\b|`/);
    },
  ],
  ["the page logged no error", async () => assert.deepEqual(faults, [])],
]);

await browser.close();
close();
