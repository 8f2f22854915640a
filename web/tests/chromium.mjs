/**
 * Tests the reading view of the built page in Chromium: samples, files, tables, errors, precision,
 * privacy, languages, accessibility.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import * as axe from "./axe.mjs";
import { arrive, reachedByWorker, readAgain } from "./hands.mjs";
import { CHROMIUM, site, suite } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const { address, close } = await site();
const browser = await chromium.launch(CHROMIUM);
const PHONE = {
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  locale: "en-GB",
};
const context = await browser.newContext(PHONE);
const page = await context.newPage();
const requests = [];
const faults = [];
page.on("request", (request) => requests.push(request.url()));
page.on("pageerror", (error) => faults.push(String(error)));
page.on(
  "console",
  (message) =>
    message.type() === "error" &&
    !/Content Security Policy/.test(message.text()) &&
    faults.push(message.text()),
);
page.setDefaultTimeout(30_000);

const upload = (file) => page.setInputFiles("#file", file);
const shown = (id) => page.waitForSelector(`#${id}:not([hidden])`);
const again = async (section) => {
  await page.click(`#${section} .again`);
  await shown("start");
};
const lines = async () => (await page.textContent("#lines")).split("\n");

const accessible = () => axe.accessible(page);
const noSidewaysScroll = () => axe.noSidewaysScroll(page);

/** Returns to the start, because a failed check may leave the page anywhere. */
async function fresh() {
  if (page.url() !== "about:blank" && !(await page.isVisible("#start"))) await page.goto(address);
}

await suite(
  [
    [
      "opens without errors, nothing wider than a phone",
      async () => {
        await arrive(page, address);
        await page.waitForLoadState("networkidle");
        await noSidewaysScroll();
        assert.ok(
          requests.every((url) => url.startsWith(address) || url.startsWith("blob:")),
          requests.join("\n"),
        );
        await accessible();
      },
    ],
    [
      "a sample is read to its fields",
      async () => {
        await page.click("#samples li:first-child button");
        await shown("result");
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
        assert.equal(await page.textContent('[data-field="surname"]'), "ROSSI");
        assert.equal(await page.locator('#checks [data-ok="true"]').count(), 5);
        assert.equal(await page.locator("#overlay polygon").count(), 2);
        await noSidewaysScroll();
        await accessible();
        await again("result");
      },
    ],
    [
      "the precisions read the same text",
      async () => {
        await page.click("#samples li:first-child button");
        await shown("result");
        for (const precision of ["u8", "f32", "u4"]) {
          await readAgain(page, precision);
          assert.deepEqual(await lines(), expected.get("passport.jpg"));
          assert.equal(
            await page.locator('[data-fact="digest"]').count(),
            precision === "f32" ? 0 : 1,
          );
        }
        await again("result");
      },
    ],
    [
      "an uploaded file is read, and nothing is requested meanwhile",
      async () => {
        const before = requests.filter((url) => !url.startsWith("blob:")).length;
        await upload(specimen("id-td2.jpg"));
        await shown("result");
        assert.deepEqual(await lines(), expected.get("id-td2.jpg"));
        assert.equal(requests.filter((url) => !url.startsWith("blob:")).length, before);
        await again("result");
      },
    ],
    [
      "a wrong check digit is said",
      async () => {
        await upload(specimen("passport-wrong-check.jpg"));
        await shown("result");
        assert.match(await page.getAttribute("#verdict-box", "class"), /bad/);
        assert.ok((await page.locator('#checks [data-ok="false"]').count()) > 0);
        assert.deepEqual(
          await page
            .locator("#fields [data-warning]")
            .evaluateAll((notes) => notes.map((note) => note.parentElement.dataset.field)),
          ["birth_date"],
        );
        await again("result");
      },
    ],
    [
      "a picture without lines gives advice",
      async () => {
        await upload(specimen("id-card-front.jpg"));
        await shown("result");
        assert.match(await page.textContent("#verdict"), /No machine-readable lines/);
        await accessible();
        await again("result");
      },
    ],
    [
      "errors have codes and words",
      async () => {
        const whole = await readFile(specimen("passport.jpg"));
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
          if (name === "paper.pdf") assert.match(await page.textContent("#problem-text"), /PDF/);
          await again("problem");
        }
      },
    ],
    [
      "a picture beyond the budget is scaled with a notice",
      async () => {
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
      },
    ],
    [
      "what only the browser decodes is read, and said to be",
      async () => {
        const jpeg = (await readFile(specimen("passport.jpg"))).toString("base64");
        const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1600" height="1200"><image width="1600" height="1200" href="data:image/jpeg;base64,${jpeg}"/></svg>`;
        await upload({ name: "drawing.svg", mimeType: "image/svg+xml", buffer: Buffer.from(svg) });
        await shown("result");
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
        assert.match(await page.textContent("#notice"), /Your browser decoded/);
        await again("result");
        const dot = "R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==";
        await upload({
          name: "dot.gif",
          mimeType: "image/gif",
          buffer: Buffer.from(dot, "base64"),
        });
        await shown("result");
        assert.match(await page.textContent("#notice"), /Your browser decoded/);
        await again("result");
      },
    ],
    [
      "several files give a table and a CSV, and each opens",
      async () => {
        await upload(
          ["passport.jpg", "passport-wrong-check.jpg", "id-card-front.jpg", "id-card-back.jpg"].map(
            specimen,
          ),
        );
        await page.waitForSelector("#batch-csv:not([hidden])");
        const tones = await page
          .locator("#batch-rows tr")
          .evaluateAll((rows) => rows.map((row) => row.dataset.tone));
        assert.deepEqual(tones, ["good", "bad", "bad", "good"]);
        await accessible();
        await noSidewaysScroll();
        const [download] = await Promise.all([
          page.waitForEvent("download"),
          page.click("#batch-csv"),
        ]);
        const rows = (await readFile(await download.path(), "utf8"))
          .trimEnd()
          .split("\r\n")
          .map((row) => row.split(","));
        assert.equal(rows.length, 5);
        assert.deepEqual(rows[1].slice(0, 6), [
          "passport.jpg",
          "valid",
          "TD3",
          "UTO",
          "ROSSI",
          "ANNA MARIA",
        ]);
        assert.deepEqual(
          rows.map((row) => row[1]),
          ["status", "valid", "wrong", "none", "valid"],
        );
        await page.click("#batch-rows tr:last-child button");
        await shown("result");
        assert.deepEqual(await lines(), expected.get("id-card-back.jpg"));
        await page.click("#to-table");
        await shown("batch");
        assert.equal(await page.locator("#batch-rows tr").count(), 4);
        await page.click("#batch-clear");
        await shown("start");
      },
    ],
    [
      "a file in a table that cannot be read does not stop the others; a person may",
      async () => {
        const notes = {
          name: "notes.txt",
          mimeType: "text/plain",
          buffer: Buffer.from("no picture"),
        };
        const whole = {
          name: "passport.jpg",
          mimeType: "image/jpeg",
          buffer: await readFile(specimen("passport.jpg")),
        };
        // Pressed within the page when the first answer arrives. A driver would react some
        // milliseconds later, when everything may have been read.
        await page.evaluate(() => {
          const rows = document.querySelector("#batch-rows");
          new MutationObserver((_, observer) => {
            if (rows.querySelector('[data-tone="good"]') === null) return;
            observer.disconnect();
            document.querySelector("#batch-stop").click();
          }).observe(rows, { childList: true });
        });
        await upload([notes, ...Array(5).fill(whole)]);
        await page.waitForSelector("#batch-csv:not([hidden])");
        assert.equal(await page.getAttribute("#batch-rows tr:first-child", "data-tone"), "bad");
        // The pending picture is still answered at a stop; those after it are not.
        await page.waitForFunction(
          () => document.querySelector("#batch-said").textContent === "Stopped after 3 of 6",
        );
        await page.waitForTimeout(500);
        assert.equal(await page.locator('#batch-rows [data-tone="waiting"]').count(), 3);
        // What was not read can be read later.
        await page.click("#batch-resume");
        await page.waitForSelector("#batch-resume[hidden]", { state: "attached" });
        await page.waitForSelector("#batch-csv:not([hidden])");
        assert.equal(await page.locator('#batch-rows [data-tone="good"]').count(), 5);
        assert.equal(
          await page.textContent("#batch-sums"),
          "5 valid · 0 to check · 0 wrong or not read · 1 could not be opened",
        );
        await page.click("#batch-clear");
        await shown("start");
      },
    ],
    [
      "results are copied, saved and shared",
      async () => {
        await context.grantPermissions(["clipboard-read", "clipboard-write"]);
        await page.evaluate(() => {
          navigator.canShare = () => true;
          navigator.share = async ({ files }) => (globalThis.shared = await files[0].text());
        });
        await page.click("#samples li:first-child button");
        await shown("result");
        const pasted = async () => page.evaluate(() => navigator.clipboard.readText());
        await page.click("#copy");
        await page.waitForFunction(() => document.querySelector("#said").textContent !== "");
        assert.deepEqual(JSON.parse(await pasted()).lines, expected.get("passport.jpg"));
        await page.click("#copy-lines");
        await page.waitForFunction(() =>
          navigator.clipboard.readText().then((text) => !text.startsWith("{")),
        );
        assert.equal(await pasted(), expected.get("passport.jpg").join("\n"));
        const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
        assert.equal(
          JSON.parse(await readFile(await download.path(), "utf8")).document.surname,
          "ROSSI",
        );
        await page.click("#share");
        assert.equal(
          await page
            .waitForFunction(() => globalThis.shared && JSON.parse(globalThis.shared).valid)
            .then((h) => h.jsonValue()),
          true,
        );
        await again("result");
      },
    ],
    [
      "files are dropped and pasted",
      async () => {
        const bytes = (await readFile(specimen("id-td2.jpg"))).toString("base64");
        const give = (type) =>
          page.evaluate(
            ({ type, bytes }) => {
              const data = new DataTransfer();
              data.items.add(
                new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "card.jpg", {
                  type: "image/jpeg",
                }),
              );
              const event =
                type === "paste"
                  ? new ClipboardEvent(type, { clipboardData: data, bubbles: true })
                  : new DragEvent(type, { dataTransfer: data, bubbles: true });
              document.querySelector("#drop").dispatchEvent(event);
            },
            { type, bytes },
          );
        for (const type of ["drop", "paste"]) {
          await give(type);
          await shown("result");
          assert.deepEqual(await lines(), expected.get("id-td2.jpg"));
          await again("result");
        }
      },
    ],
    [
      "a picture that another app shares with the installed page is read, once",
      async () => {
        const bytes = (await readFile(specimen("passport.jpg"))).toString("base64");
        await page.evaluate(async (bytes) => {
          const body = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
          const cache = await caches.open("shared-picture");
          await cache.put(
            "./shared-picture",
            new Response(body, { headers: { "content-type": "image/jpeg" } }),
          );
        }, bytes);
        await page.goto(`${address}?shared`);
        await shown("result");
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
        assert.equal(new URL(page.url()).search, "");
        assert.deepEqual(
          await page.evaluate(() =>
            caches.keys().then((keys) => keys.filter((key) => key === "shared-picture")),
          ),
          [],
        );
        await again("result");
      },
    ],
    [
      "nothing is kept in the browser",
      async () => {
        const kept = await page.evaluate(() => [
          localStorage.length,
          sessionStorage.length,
          document.cookie,
        ]);
        assert.deepEqual(kept, [0, 0, ""]);
      },
    ],
    [
      "corrected and doubtful characters are marked, an expired document and a faulty browser are noticed",
      async () => {
        const other = await context.newPage();
        await other.clock.setFixedTime("2030-01-01T12:00:00Z");
        // The reader makes no mistakes on the specimens: put those of a worse picture into its
        // answer.
        await other.addInitScript(() => {
          globalThis.Worker = class extends Worker {
            constructor(...address) {
              super(...address);
              this.addEventListener("message", ({ data: { result, kernels } }) => {
                if (kernels !== undefined) kernels[0].wrong = ["relaxed_example"];
                if (result === undefined) return;
                const corrected = { line: 0, pos: 2, raw: "0", alt: "U", confidence: 0.3 };
                const doubtful = { line: 1, pos: 0, raw: "T", alt: "7", confidence: 0.6 };
                Object.assign(result, {
                  valid: false,
                  review: [corrected, doubtful],
                  raw_lines: [result.lines[0].replace("U", "0"), result.lines[1]],
                });
              });
            }
          };
        });
        await other.goto(address);
        await other.waitForSelector("#kernel-notice:not([hidden])");
        assert.match(await other.textContent("#kernel-notice"), /computes relaxed_example wrongly/);
        await other.click("#samples li:first-child button");
        await other.waitForSelector("#result:not([hidden])");
        assert.match(await other.getAttribute("#verdict-box", "class"), /warn/);
        assert.equal(await other.textContent("#lines .changed"), "U");
        assert.equal(await other.textContent("#lines .doubt"), "T");
        assert.deepEqual(await other.locator("#review li").allTextContents(), [
          "Line 1, character 3: read as 0, corrected to U",
          "Line 2, character 1: T is uncertain, it may be 7",
        ]);
        await other.click("#raw summary");
        assert.match(await other.textContent("#raw-lines"), /^P<0TOROSSI/);
        assert.equal(
          await other.textContent('[data-field="expiry_date"] [data-warning="expired"]'),
          "Expired",
        );
        await axe.accessible(other);
        await other.close();
      },
    ],
    [
      "a browser without SIMD is told so, before anything is asked",
      async () => {
        const old = await context.newPage();
        await old.addInitScript(() => (WebAssembly.validate = () => false));
        await old.goto(address);
        await old.waitForSelector("#problem:not([hidden])");
        assert.equal(await old.getAttribute("#problem", "data-code"), "NoSimd");
        assert.equal(await old.isVisible("#camera-open"), false);
        await old.close();
      },
    ],
    [
      "a missing model is said, and tried again",
      async () => {
        // A first visit: the service worker has not stored the model yet.
        const visitor = await browser.newContext({ ...PHONE, serviceWorkers: "block" });
        const other = await visitor.newPage();
        await other.route(/ocr-u4.*safetensors$/, (route) => route.fulfill({ status: 404 }));
        await other.goto(address);
        await other.waitForSelector("#problem:not([hidden])");
        assert.equal(await other.getAttribute("#problem", "data-code"), "LoadFailed");
        await other.unroute(/ocr-u4.*safetensors$/);
        await other.click("#problem .again");
        await other.click("#samples li:first-child button");
        await other.waitForSelector("#result:not([hidden])");
        await visitor.close();
      },
    ],
    [
      "a sample and the decoder arrive side by side",
      async () => {
        const visitor = await browser.newContext({ ...PHONE, serviceWorkers: "block" });
        const other = await visitor.newPage();
        const asked = other.waitForRequest(/nibble-picture-jpeg.*wasm$/);
        // The sample arrives only after the decoder was asked for.
        await other.route(/passport-.*jpg$/, async (route) => {
          await asked;
          await route.continue();
        });
        await other.goto(address);
        await other.click("#samples li:first-child button");
        await other.waitForSelector("#result:not([hidden])");
        await visitor.close();
      },
    ],
    [
      "a registration certificate shows its vehicle",
      async () => {
        const other = await context.newPage();
        // No specimen is one: put what is read of one into the reader's answer.
        await other.addInitScript(() => {
          globalThis.Worker = class extends Worker {
            constructor(...address) {
              super(...address);
              this.addEventListener("message", ({ data: { result } }) => {
                if (!result) return;
                const [surname, given_names, birth_date, expiry_date] = ["", "", null, null];
                const checks = [
                  { field: "registration_number", ok: true },
                  { field: "vehicle_number", ok: false },
                ];
                const document = {
                  ...result.document,
                  ...{ format: "CRFRA", surname, given_names, birth_date, expiry_date, sex: null },
                  vehicle: {
                    registration_number: "AB123CD",
                    identification_number: "VFSIV2009ASIV2009",
                    first_registration: "1998-01-05",
                    category: "VP",
                    body: "CI",
                    make: "MARQUES",
                    model: "MODELE",
                  },
                };
                Object.assign(result, { document, checks, valid: false });
              });
            }
          };
        });
        await other.goto(address);
        await other.click("#samples li:first-child button");
        await other.waitForSelector("#result:not([hidden])");
        const shown = await other
          .locator("#fields [data-field] bdi")
          .evaluateAll((all) =>
            all.map((bdi) => [bdi.parentElement.dataset.field, bdi.textContent]),
          );
        const fields = Object.fromEntries(shown);
        assert.equal(fields.registration_number, "AB123CD");
        assert.equal(fields.vehicle_number, "VFSIV2009ASIV2009");
        assert.match(fields.first_registration, /1998/);
        assert.deepEqual([fields.make, fields.vehicleModel], ["MARQUES", "MODELE"]);
        assert.equal(fields.category, "VP, CI");
        assert.equal(fields.format, "French registration certificate");
        for (const absent of ["surname", "birth_date", "expiry_date", "sex"])
          assert.ok(!(absent in fields), absent);
        assert.equal(await other.locator('[data-warning="fieldWrong"]').count(), 1);
        assert.equal(await other.locator('#checks [data-ok="false"]').count(), 1);
        await axe.accessible(other);
        await other.close();
      },
    ],
    [
      "foreign addresses are out of reach of page and worker",
      async () => {
        const foreign = address.replace("127.0.0.1", "localhost");
        const fromPage = await page.evaluate(
          (url) =>
            fetch(url, { mode: "no-cors" }).then(
              () => true,
              () => false,
            ),
          foreign,
        );
        const [worker] = page.workers();
        const reaches = (url) =>
          worker.evaluate(
            (url) =>
              fetch(url, { mode: "no-cors" }).then(
                () => true,
                () => false,
              ),
            url,
          );
        const fromWorker = await reaches(foreign);
        assert.deepEqual({ fromPage, fromWorker }, { fromPage: false, fromWorker: false });
        // The probe itself works: the worker can reach the page's own address.
        assert.ok(await reaches(address));
        // In browsers without access to the page's worker, this stands in for it.
        assert.match(worker.url(), /^blob:/);
        assert.equal(await page.evaluate(reachedByWorker, foreign), false);
        assert.equal(await page.evaluate(reachedByWorker, address), true);
      },
    ],
    [
      "languages change everything that is said",
      async () => {
        for (const [language, title, direction] of [
          ["de", "Reisepass", "ltr"],
          ["fr", "passeport", "ltr"],
          ["ar", "جواز سفر", "rtl"],
          ["en", "passport", "ltr"],
        ]) {
          await page.selectOption("#language", language);
          await page.waitForSelector(`html[lang=${language}]`);
          assert.match(await page.textContent("#title"), new RegExp(title));
          assert.deepEqual(
            [await page.getAttribute("html", "lang"), await page.getAttribute("html", "dir")],
            [language, direction],
          );
          await noSidewaysScroll();
        }
      },
    ],
    [
      "from right to left all is accessible, and the lines of the zone stay from left to right",
      async () => {
        await page.setViewportSize({ width: 320, height: 640 });
        await page.goto(`${address}?lang=ar`);
        await page.waitForSelector("html[lang=ar]");
        await accessible();
        await noSidewaysScroll();
        await page.click("#samples li:first-child button");
        await shown("result");
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
        assert.equal(
          await page.evaluate(() => getComputedStyle(document.querySelector("#lines")).direction),
          "ltr",
        );
        assert.match(await page.textContent('[data-field="birth_date"]'), /17.*1968/);
        await accessible();
        await noSidewaysScroll();
        await page.setViewportSize(PHONE.viewport);
        await page.goto(address);
      },
    ],
    [
      "all can be done from the keyboard",
      async () => {
        await page.focus("#camera-open");
        await page.keyboard.press("Tab");
        assert.equal(await page.evaluate(() => document.activeElement.id), "choose");
        await page.focus("#samples li:first-child button");
        await page.keyboard.press("Enter");
        await shown("result");
        // The verdict has the focus: it is read aloud. The next Tab leads to the fields' buttons,
        // which are one stop, and the one after that to the actions.
        assert.equal(await page.evaluate(() => document.activeElement.id), "verdict");
        await page.keyboard.press("Tab");
        const named = () => page.evaluate(() => document.activeElement.getAttribute("aria-label"));
        assert.equal(await named(), "Copy: Surname");
        for (const [key, name] of [
          ["ArrowDown", "Given names"],
          ["ArrowDown", "Date of birth"],
          ["ArrowUp", "Given names"],
          ["ArrowUp", "Surname"],
          ["ArrowUp", "Document"],
        ]) {
          await page.keyboard.press(key);
          assert.equal(await named(), `Copy: ${name}`);
        }
        await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        await shown("start");
      },
    ],
    [
      "each state is accessible, light and dark, in both directions, at the width of a desk too",
      async () => {
        for (const [language, colorScheme, width] of [
          ["en", "dark", 1280],
          ["ar", "light", 1280],
          ["ar", "dark", 360],
          ["de", "light", 360],
        ]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 740 });
          await page.goto(`${address}?lang=${language}`);
          await page.waitForSelector(`html[lang=${language}]`);
          await page.click(".privacy summary");
          await accessible();
          await upload(specimen("passport-wrong-check.jpg"));
          await shown("result");
          await accessible();
          await again("result");
          await upload({ name: "empty.png", mimeType: "image/png", buffer: Buffer.alloc(0) });
          await shown("problem");
          await accessible();
          await again("problem");
          await upload([specimen("passport.jpg"), specimen("id-card-front.jpg")]);
          await page.waitForSelector("#batch-csv:not([hidden])");
          await accessible();
          await noSidewaysScroll();
        }
        await page.setViewportSize(PHONE.viewport);
        await page.goto(address);
      },
    ],
    [
      "less motion where the person asks for it",
      async () => {
        await page.emulateMedia({ reducedMotion: "reduce" });
        const style = (selector, property) =>
          page.evaluate(
            ([s, p]) => getComputedStyle(document.querySelector(s))[p],
            [selector, property],
          );
        assert.equal(await style("#drop", "transitionProperty"), "none");
        assert.equal(await style(".tick", "animationName"), "none");
        await page.emulateMedia({ reducedMotion: "no-preference" });
        assert.notEqual(await style("#drop", "transitionProperty"), "none");
      },
    ],
    ["the page logged no error", async () => assert.deepEqual(faults, [])],
  ],
  fresh,
);

await browser.close();
close();
