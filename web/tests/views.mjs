/** Navigation, the bench view and the how-it-works view in Chromium. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { chromium } from "playwright-core";
import { accessibleInBoth, noSidewaysScroll } from "./axe.mjs";
import { CHROMIUM, repository, site, suite } from "./site.mjs";

const native = join(repository, "docs/results/gemm-x86_64.json");
const { address, close } = await site();
const browser = await chromium.launch(CHROMIUM);
const context = await browser.newContext({
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  hasTouch: true,
  locale: "en-GB",
  acceptDownloads: true,
});
await context.grantPermissions(["clipboard-read", "clipboard-write"]);
const page = await context.newPage();
const faults = [];
page.on("pageerror", (error) => faults.push(String(error)));
page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
page.setDefaultTimeout(60_000);

const source = (title) =>
  page.locator(".source", { has: page.getByRole("heading", { name: title, exact: true }) });
const figures = async (title) =>
  JSON.stringify(await source(title).locator("td").allTextContents());

/** Presses a button that saves a file, and returns the file. */
async function saved(title, action) {
  const coming = page.waitForEvent("download");
  await source(title).locator(`[data-action=${action}]`).click();
  return readFile(await (await coming).path());
}

await suite([
  [
    "views follow the address, titles and focus the views",
    async () => {
      await page.goto(`${address}?repeats=1`);
      await page.click('#views a[href="#bench"]');
      await page.waitForSelector("#bench-begin");
      assert.equal(await page.title(), "Bench – Nibble");
      assert.equal(await page.getAttribute('#views a[href="#bench"]', "aria-current"), "page");
      assert.equal(await page.evaluate(() => document.activeElement.id), "main");
      assert.deepEqual(
        await page
          .locator("main > div:not([hidden])")
          .evaluateAll((views) => views.map(({ id }) => id)),
        ["view-bench"],
      );
      await page.goBack();
      await page.waitForSelector("#start:not([hidden])");
      assert.equal(await page.getAttribute('#views a[href="#read"]', "aria-current"), "page");
      await page.goto(`${address}?repeats=1#how`);
      await page.waitForSelector("#how-lane");
      assert.equal(await page.isVisible("#start"), false);
    },
  ],
  [
    "a measurement can be cancelled",
    async () => {
      await page.click('#views a[href="#bench"]');
      await page.click("#bench-begin");
      await page.click("#bench-cancel");
      await page.getByText("Cancelled. Nothing was kept.").waitFor();
      assert.equal(await page.locator(".source").count(), 0);
    },
  ],
  [
    "this device is measured at all precisions",
    async () => {
      await page.click("#bench-begin");
      await source("This device").waitFor();
      assert.equal(await page.locator(".source canvas").count(), 2);
      // Products, two networks, and a whole reading.
      assert.equal(await page.locator(".source tbody tr").count(), 4);
      const names = await page.locator(".source .tiles dt").allTextContents();
      assert.deepEqual(names, [
        "4 bits over float: matrix products",
        "4 bits over 8 bits: matrix products",
        "4 bits over float: this reader’s network",
        "4 bits over float: a whole reading",
        "Whole reading, 4 bits",
      ]);
      const today = new Date().toISOString().slice(0, 8);
      const made = `${today}\\d\\d · nibble-mrz [\\d.]+ · ([0-9a-f]{10}|unknown)`;
      assert.match(await page.textContent(".source .facts"), new RegExp(made));
      assert.match(await page.textContent(".source .facts"), /Linux.*Chrom.*all \d+ exact/);
      await noSidewaysScroll(page);
      await accessibleInBoth(page);
    },
  ],
  [
    "its JSON has the schema of native-bench",
    async () => {
      const report = JSON.parse(await saved("This device", "saveJson"));
      const theirs = JSON.parse(await readFile(native, "utf8"));
      for (const key of Object.keys(theirs)) assert.ok(key in report, key);
      assert.deepEqual(Object.keys(report.made), ["date", "version", "commit"]);
      const { f32, u8, u4 } = report.reading;
      assert.ok([f32, u8, u4].every((ms) => ms > 0));
      for (const key of Object.keys(theirs.rows[0])) assert.ok(key in report.rows[0], key);
      assert.deepEqual(
        new Set(report.rows.map(({ precision }) => precision)),
        new Set(["f32", "u8", "u7", "u4", "u4z"]),
      );
    },
  ],
  [
    "its picture is a PNG of both charts",
    async () => {
      const png = await saved("This device", "savePng");
      assert.deepEqual([...png.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
      assert.ok(png.length > 5000);
    },
  ],
  [
    "a link carries it to another browser",
    async () => {
      await source("This device").locator("[data-action=copyLink]").click();
      await page.getByText("Link copied.").waitFor();
      const link = await page.evaluate(() => navigator.clipboard.readText());
      const here = await figures("This device");
      const other = await (await browser.newContext({ locale: "en-GB" })).newPage();
      await other.goto(link);
      await other.locator(".source").waitFor();
      assert.equal(await other.textContent(".source h2"), "From a link");
      assert.equal(JSON.stringify(await other.locator(".source td").allTextContents()), here);
      assert.match(await other.textContent(".source .facts"), /nibble-mrz/);
      // Links that were shared before they had a date are still read.
      const old = [
        1,
        "An old phone",
        0,
        [
          ["", ""],
          ["", ""],
          ["a", "b"],
        ],
        [[], [], [9, 2.5, 1.5, 0]],
      ];
      const packed = deflateRawSync(JSON.stringify(old)).toString("base64url");
      await other.goto(`${address}#bench/${packed}`);
      await other.getByText("An old phone").waitFor();
      assert.match(await other.textContent(".source .tiles"), /2\.5×/);
      await other.close();
      await page.goto(`${address}?repeats=1#bench/nonsense`);
      await page.getByText("The result in this link cannot be read.").waitFor();
    },
  ],
  [
    "a report of native-bench is drawn beside it",
    async () => {
      await page.setInputFiles("#bench-file", native);
      await source("gemm-x86_64.json").waitFor();
      const { summary } = JSON.parse(await readFile(native, "utf8"));
      const u4 = summary.find(({ precision }) => precision === "u4");
      assert.ok(
        (await source("gemm-x86_64.json").textContent()).includes(
          `${u4.speedup_vs_f32.toPrecision(3)}×`,
        ),
      );
      await page.setInputFiles("#bench-file", {
        name: "notes.json",
        mimeType: "application/json",
        buffer: Buffer.from('{"rows": 3}'),
      });
      await page.getByText("notes.json is not a report of native-bench.").waitFor();
      await noSidewaysScroll(page);
    },
  ],
  [
    "results of the paper and of this repository are laid beside",
    async () => {
      for (const name of ["arXiv:2009.06488", "AMD EPYC, Chromium"]) {
        await page.click(`[data-reference="${name}"]`);
        await source(name).waitFor();
      }
      assert.match(await source("arXiv:2009.06488").textContent(), /2\.9×/);
      await noSidewaysScroll(page);
      await accessibleInBoth(page);
    },
  ],
  [
    "the same bits as the reference",
    async () => {
      await page.click("#bench-compare");
      await page.waitForSelector(".parity");
      assert.equal(
        await page.getAttribute(".parity", "data-different"),
        "0",
        await page.textContent(".parity"),
      );
      assert.equal(await page.locator(".parity td").count(), 14);
      await accessibleInBoth(page);
    },
  ],
  [
    "both dot products come out of one lane, whatever the numbers",
    async () => {
      await page.click('#views a[href="#how"]');
      await page.waitForSelector("#how-lane .dot");
      // All extreme operands, and zero.
      const wrong = await page.evaluate(() => {
        const inputs = [...document.querySelectorAll("#how-lane input")];
        const wrong = [];
        for (let corner = 0; corner < 3 ** inputs.length; corner++) {
          inputs.forEach((input, index) => {
            const end = Math.floor(corner / 3 ** index) % 3;
            input.value = [input.min, 0, input.max][end];
            input.dispatchEvent(new Event("input"));
          });
          const [x1, x2, a1, a2, b1, b2] = inputs.map(({ valueAsNumber }) => valueAsNumber);
          const shown = [...document.querySelectorAll("#how-lane .dot")].map((dot) =>
            Number(dot.dataset.dot),
          );
          if (shown[0] !== x1 * a1 + x2 * a2 || shown[1] !== x1 * b1 + x2 * b2)
            wrong.push([x1, x2, a1, a2, b1, b2, shown]);
        }
        return wrong;
      });
      assert.deepEqual(wrong, []);
    },
  ],
  [
    "fewer bits lose more of a layer's weights",
    async () => {
      const decibels = [];
      for (const bits of ["2", "4", "8"]) {
        await page.locator("#how-weights input").first().fill(bits);
        decibels.push(
          Number(
            (await page.textContent("#how-weights .tiles > div:nth-child(2) dd")).replace(
              " dB",
              "",
            ),
          ),
        );
      }
      assert.ok(decibels[0] < decibels[1] && decibels[1] < decibels[2], decibels.join(" "));
      const best = decibels[2];
      await page.locator("#how-weights input").nth(1).fill("20");
      const worse = Number(
        (await page.textContent("#how-weights .tiles > div:nth-child(2) dd")).replace(" dB", ""),
      );
      assert.ok(worse < best);
    },
  ],
  [
    "people who train their own network find the examples",
    async () => {
      const links = await page.locator("#how-own a").all();
      const texts = await Promise.all(links.map((link) => link.textContent()));
      assert.deepEqual(texts, ["Draw a digit", "Find QR codes with the camera"]);
      for (const link of links) {
        const { status } = await fetch(new URL(await link.getAttribute("href"), page.url()));
        assert.equal(status, 200);
      }
    },
  ],
  [
    "layers are seen at three precisions, of the picture read last",
    async () => {
      await page.waitForSelector("#how-maps .maps:not([hidden])");
      const levels = () =>
        page.evaluate(() =>
          [...document.querySelectorAll("#how-maps .map")].map((canvas) => {
            const { data } = canvas
              .getContext("2d")
              .getImageData(0, 0, canvas.width, canvas.height);
            return new Set(data.filter((_, index) => index % 4 === 0)).size;
          }),
        );
      const [f32, u8, u4] = await levels();
      assert.ok(f32 > 16 && u8 > 16 && u4 > 2 && u4 <= 16, `${f32} ${u8} ${u4} levels`);
      assert.match(await page.textContent("#how-maps"), /This is a specimen/);
      await page.click('#views a[href="#read"]');
      await page.setInputFiles("#file", join(repository, "testdata/specimens/id-td2-scan.png"));
      await page.waitForSelector("#result:not([hidden])");
      await page.click('#views a[href="#how"]');
      await page.getByText("This is a line of the picture you read last.").waitFor();
      assert.equal(
        await page.textContent("#how-maps figcaption"),
        "N56H688195UTO5602133M3512078<<<<<<<0",
      );
      await noSidewaysScroll(page);
      await accessibleInBoth(page);
    },
  ],
  [
    "a picture that the browser decoded is followed, too",
    async () => {
      await page.click('#views a[href="#read"]');
      const data = await readFile(join(repository, "testdata/specimens/passport.jpg"), "base64");
      await page.click(".brand");
      await page.setInputFiles("#file", {
        name: "passport.svg",
        mimeType: "image/svg+xml",
        buffer: Buffer.from(
          `<svg xmlns="http://www.w3.org/2000/svg" width="1600" height="1200"><image href="data:image/jpeg;base64,${data}" width="1600" height="1200"/></svg>`,
        ),
      });
      await page.getByText("Your browser decoded this picture").waitFor();
      await page.click('#views a[href="#how"]');
      await page.locator("#how-maps figcaption", { hasText: "T86Z987976UTO" }).waitFor();
    },
  ],
  [
    "every view speaks every language",
    async () => {
      for (const view of ["bench", "how"]) {
        const titles = new Set();
        await page.click(`#views a[href="#${view}"]`);
        for (const language of ["en", "de", "fr", "ar"]) {
          await page.selectOption("#language", language);
          await page.waitForSelector(`html[lang=${language}]`);
          titles.add(await page.textContent(`#view-${view} h1`));
          await noSidewaysScroll(page);
        }
        assert.equal(titles.size, 4);
        await accessibleInBoth(page);
        // The choice survives a reload, and nothing is stored for it.
        await page.reload();
        await page.waitForSelector("html[lang=ar][dir=rtl]");
        assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0);
      }
    },
  ],
  ["the page logged no error", async () => assert.deepEqual(faults, [])],
  ...(process.env.SCREENS === undefined ? [] : [["screenshots", screens]]),
]);

/** Takes the screenshots of both views for docs/screens, light and dark. */
async function screens() {
  for (const [width, colorScheme] of [
    [1280, "light"],
    [360, "light"],
    [360, "dark"],
  ]) {
    const phone = width === 360;
    const other = await browser.newContext({
      viewport: { width, height: phone ? 740 : 860 },
      colorScheme,
      locale: "en-GB",
    });
    const view = await other.newPage();
    const save = (name) =>
      view.screenshot({
        path: join(
          repository,
          `docs/screens/${name}-${width}${colorScheme === "dark" ? "-dark" : ""}.jpg`,
        ),
        type: "jpeg",
        quality: 80,
        fullPage: true,
      });
    await view.goto(`${address}#bench`);
    await view.click("#bench-begin");
    await view.locator(".source canvas").first().waitFor({ timeout: 300_000 });
    if (!phone) await view.setInputFiles("#bench-file", native);
    await view.click("#bench-compare");
    await view.waitForSelector(".parity");
    await save("bench");
    await view.click('#views a[href="#how"]');
    await view.waitForSelector("#how-maps .maps:not([hidden])");
    await save("how");
    await other.close();
  }
}

await browser.close();
close();
