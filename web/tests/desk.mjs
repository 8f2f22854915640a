/**
 * Tests what people do with readings at a desk, in Chromium: edit lines with live check digits, copy,
 * undo, save for spreadsheets, keys, the code for the chip, mirrored pictures, and a camera that
 * reads one document after another.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { unzipSync, strFromU8 } from "fflate";
import jsqr from "jsqr";
import { chromium } from "playwright-core";
import { accessibleInBoth, noSidewaysScroll } from "./axe.mjs";
import { fakeCamera, film } from "./film.mjs";
import { openAtDesk } from "./hands.mjs";
import { CHROMIUM, site, suite } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const { address, close } = await site();
const plain = await chromium.launch(CHROMIUM);
const series = await chromium.launch({
  ...CHROMIUM,
  // Long enough without the document for it to be missed.
  args: [...CHROMIUM.args, ...fakeCamera(await film(plain, "passport.jpg", 40, 20), true)],
});
let page;
const faults = [];

async function open(browser = plain, options = {}) {
  page = await openAtDesk(browser, address, faults, options);
}

const shown = (id) => page.waitForSelector(`#${id}:not([hidden])`);
const lines = async () => (await page.textContent("#lines")).split("\n");
const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
const rows = () => page.locator("#batch-rows tr");
const oks = () =>
  page.locator("#checks li").evaluateAll((items) => items.map(({ dataset }) => dataset.ok));
const field = (key) => page.textContent(`#fields [data-field=${key}] bdi`);
async function upload(...names) {
  await page.setInputFiles("#file", names.map(specimen));
  await shown(names.length > 1 ? "batch-csv" : "result");
}
async function edit() {
  await page.click("#edit");
  await shown("edit-panel");
}
/** Saves by a press and returns name and content of the file. */
async function saved(press) {
  const [download] = await Promise.all([page.waitForEvent("download"), press()]);
  return [download.suggestedFilename(), await readFile(await download.path())];
}
/** The cells of a workbook's only sheet, all of which must be text. */
function cellsOf(workbook) {
  const files = unzipSync(workbook);
  const text = (name) => strFromU8(files[name]);
  const strings = [
    ...text("xl/sharedStrings.xml").matchAll(/<si>.*?<t[^>]*>(.*?)<\/t>.*?<\/si>/gs),
  ];
  const found = [];
  for (const [, row] of text("xl/worksheets/sheet1.xml").matchAll(/<row [^>]*>(.*?)<\/row>/gs)) {
    const cells = {};
    for (const [, at, type, body] of row.matchAll(
      /<c r="([A-Z]+)\d+"[^>]*? t="(\w+)"[^>]*>(.*?)<\/c>/gs,
    )) {
      assert.equal(type, "s", `cell ${at} is no text`);
      cells[at] = strings[Number(/<v>(\d+)<\/v>/.exec(body)[1])][1];
    }
    found.push(cells);
  }
  return found;
}

/** A PDF file with a page for each JPEG file, as scanners write it. */
async function pdfOf(names, size) {
  const parts = [Buffer.from("%PDF-1.4\n")];
  const offsets = [];
  const object = (...body) => {
    offsets.push(parts.reduce((sum, { length }) => sum + length, 0));
    parts.push(Buffer.from(`${offsets.length} 0 obj\n`), ...body.map((part) => Buffer.from(part)));
    parts.push(Buffer.from("\nendobj\n"));
  };
  const kids = names.map((_, index) => `${3 + 3 * index} 0 R`).join(" ");
  object("<< /Type /Catalog /Pages 2 0 R >>");
  object(`<< /Type /Pages /Kids [${kids}] /Count ${names.length} >>`);
  for (const [index, name] of names.entries()) {
    const first = 3 + 3 * index;
    const jpeg = await readFile(specimen(name));
    const [width, height] = await size(jpeg);
    const draw = `q 400 0 0 ${(400 * height) / width} 50 300 cm /I Do Q`;
    object(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${first + 1} 0 R /Resources << /XObject << /I ${first + 2} 0 R >> >> >>`,
    );
    object(`<< /Length ${draw.length} >>\nstream\n${draw}\nendstream`);
    object(
      `<< /Type /XObject /Subtype /Image /Width ${width} /Height ${height} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode /Length ${jpeg.length} >>\nstream\n`,
      jpeg,
      "\nendstream",
    );
  }
  const start = parts.reduce((sum, { length }) => sum + length, 0);
  const rows = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const count = offsets.length + 1;
  parts.push(
    Buffer.from(
      `xref\n0 ${count}\n0000000000 65535 f \n${rows}trailer\n<< /Size ${count} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`,
    ),
  );
  return Buffer.concat(parts);
}

/** A TIFF file with a page for each gray picture, not compressed. */
function tiffOf(pictures) {
  const parts = [];
  let at = 8;
  const directories = pictures.map(({ width, height, gray }) => {
    const entries = [
      [256, 4, width],
      [257, 4, height],
      [258, 3, 8],
      [259, 3, 1],
      [262, 3, 1],
      [273, 4, at],
      [277, 3, 1],
      [278, 4, height],
      [279, 4, gray.length],
    ];
    parts.push(Buffer.from(gray));
    at += gray.length;
    return entries;
  });
  const header = Buffer.alloc(8);
  header.write("II*\0", "latin1");
  header.writeUInt32LE(at, 4);
  const length = 2 + 9 * 12 + 4;
  for (const [index, entries] of directories.entries()) {
    const directory = Buffer.alloc(length);
    directory.writeUInt16LE(entries.length, 0);
    for (const [row, [tag, type, value]] of entries.entries()) {
      directory.writeUInt16LE(tag, 2 + 12 * row);
      directory.writeUInt16LE(type, 4 + 12 * row);
      directory.writeUInt32LE(1, 6 + 12 * row);
      directory.writeUInt32LE(value, 10 + 12 * row);
    }
    const isLast = index + 1 === directories.length;
    directory.writeUInt32LE(isLast ? 0 : at + (index + 1) * length, length - 4);
    parts.push(directory);
  }
  return Buffer.concat([header, ...parts]);
}

/** Decodes a picture in the page: its size and gray bytes. */
const decoded = (bytes) =>
  page.evaluate(
    async (bytes) => {
      const { width, height, ...bitmap } = await createImageBitmap(
        new Blob([Uint8Array.from(bytes)]),
      ).then((picture) => ({ width: picture.width, height: picture.height, picture }));
      const context = new OffscreenCanvas(width, height).getContext("2d");
      context.drawImage(bitmap.picture, 0, 0);
      const { data } = context.getImageData(0, 0, width, height);
      return { width, height, gray: Array.from(data.filter((_, index) => index % 4 === 1)) };
    },
    [...bytes],
  );

await suite(
  [
    [
      "age and validity stand in the headline, as of today",
      async () => {
        await upload("passport.jpg");
        const today = new Date();
        const had = today.getMonth() > 8 || (today.getMonth() === 8 && today.getDate() >= 17);
        const years = today.getFullYear() - 1968 - (had ? 0 : 1);
        assert.equal(
          await page.textContent("#today"),
          `${years} years · Valid until: 20 April 2028`,
        );
        assert.match(await page.textContent("#fields [data-field=birth_date]"), / years$/);
        // Screen readers read a line as one text.
        const nodes = await page.evaluate(() => document.querySelector("#lines").childNodes.length);
        assert.equal(nodes, 2);
      },
    ],
    [
      "the key of the chip is shown, and its code holds the same text",
      async () => {
        await upload("passport.jpg");
        await page.click("#key summary");
        const [, second] = expected.get("passport.jpg");
        const key = second.slice(0, 10) + second.slice(13, 20) + second.slice(21, 28);
        assert.equal(await page.textContent("#key-text"), key);
        await page.waitForFunction(() => document.querySelector("#key-code").width >= 21);
        await page.waitForSelector("#key-code[aria-label]");
        const { data, size } = await page.evaluate(() => {
          // Scanners see a module as several pixels.
          const canvas = document.createElement("canvas");
          const small = document.querySelector("#key-code");
          canvas.width = canvas.height = 8 * small.width;
          const context = canvas.getContext("2d");
          context.imageSmoothingEnabled = false;
          context.drawImage(small, 0, 0, canvas.width, canvas.height);
          const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
          return { data: [...data], size: canvas.width };
        });
        assert.equal(jsqr(Uint8ClampedArray.from(data), size, size)?.data, key);
        await accessibleInBoth(page);
        // A visa has no chip.
        await page.click("#result .again");
        await upload("visa-a.jpg");
        assert.equal(await page.isVisible("#key"), false);
      },
    ],
    [
      "edited lines: fields and check digits follow each key, and can be taken back",
      async () => {
        await upload("passport-wrong-check.jpg");
        const before = await lines();
        const wrong = (await oks()).filter((ok) => ok === "false").length;
        assert.ok(wrong > 0);
        await edit();
        assert.equal(await page.inputValue("#edit-lines"), before.join("\n"));
        await page.fill("#edit-lines", `${before[0]}\n${before[1]}X`);
        await page.getByText("These are not the lines of a document yet").waitFor();
        // What is typed in small letters is read in capitals.
        await page.fill("#edit-lines", before.join("\n").replace("ERIKSSON", "erikssen"));
        await page.waitForFunction(
          () => document.querySelector("[data-field=surname] bdi").textContent === "ERIKSSEN",
        );
        assert.equal(await page.textContent("#edit-said"), "");
        assert.equal((await oks()).filter((ok) => ok === "false").length, wrong);
        const passport = expected.get("passport.jpg").join("\n");
        await page.fill("#edit-lines", passport);
        await page.getByText("Edited by hand").waitFor();
        assert.ok((await oks()).every((ok) => ok === "true"));
        assert.equal(await field("document_number"), "T86Z98797");
        await accessibleInBoth(page);
        await page.click("#edit-undo");
        assert.deepEqual(await lines(), before);
        assert.equal((await oks()).filter((ok) => ok === "false").length, wrong);
      },
    ],
    [
      "an edited row of the table is marked, and undo brings the old one back",
      async () => {
        await upload("passport-wrong-check.jpg", "id-td2.jpg");
        await rows().first().locator("th button").click();
        await shown("result");
        await edit();
        await page.fill("#edit-lines", expected.get("passport.jpg").join("\n"));
        await page.getByText("Edited by hand").waitFor();
        await page.click("#to-table");
        await shown("batch");
        assert.match(await rows().first().textContent(), /Edited by hand.*ROSSI, ANNA MARIA/);
        await page.keyboard.press("Control+z");
        assert.match(await rows().first().textContent(), /ERIKSSON/);
        assert.equal(await page.isVisible("#batch-undo"), false);
        await rows().last().locator(".remove").click();
        assert.equal(await rows().count(), 1);
        await page.click("#batch-undo");
        assert.equal(await rows().count(), 2);
        assert.match(await rows().last().textContent(), /OKONKWO/);
      },
    ],
    [
      "a row and the table are copied with tabs, by buttons and by keys",
      async () => {
        await upload("passport.jpg");
        const row =
          "passport.jpg\tvalid\tTD3\tUTO\tROSSI\tANNA MARIA\tT86Z98797\tUTO\t1968-09-17\t2028-04-20\tF\t";
        await page.click("#copy-row");
        await page.getByText("Copied.").waitFor();
        assert.ok((await clipboard()).startsWith(row));
        await page.evaluate(() => navigator.clipboard.writeText(""));
        await page.keyboard.press("Control+c");
        await page.waitForFunction(async () => (await navigator.clipboard.readText()) !== "");
        assert.ok((await clipboard()).startsWith(row));
        await page.click("#result .again");
        await upload("passport.jpg", "id-card-front.jpg");
        await page.keyboard.press("Control+c");
        await page.waitForFunction(async () =>
          (await navigator.clipboard.readText()).startsWith("file\t"),
        );
        const copied = (await clipboard()).split("\n");
        assert.equal(copied.length, 3);
        assert.ok(copied[1].startsWith(row));
        assert.ok(copied.every((line) => line.split("\t").length === 15));
      },
    ],
    [
      "each field has a button that copies what is shown, by key too",
      async () => {
        await upload("passport.jpg");
        const labels = await page
          .locator("#fields button")
          .evaluateAll((all) => all.map((button) => button.getAttribute("aria-label")));
        const names = await page.locator("#fields dt").allTextContents();
        assert.deepEqual(
          labels,
          names.map((name) => `Copy: ${name}`),
        );
        await page.getByRole("button", { name: "Copy: Document number" }).click();
        await page.getByText("Copied: Document number.").waitFor();
        assert.equal(await clipboard(), "T86Z98797");
        await page.focus("[data-field=birth_date] button");
        await page.keyboard.press("Enter");
        await page.getByText("Copied: Date of birth.").waitFor();
        assert.equal(await clipboard(), "17 September 1968");
        assert.equal(await page.getAttribute("#said", "role"), "status");
        await page.setViewportSize({ width: 320, height: 700 });
        await noSidewaysScroll(page);
        await accessibleInBoth(page);
        // What the browser refuses is said.
        await page.evaluate(() => {
          navigator.clipboard.writeText = () => Promise.reject(new DOMException("no"));
        });
        await page.click("[data-field=sex] button");
        await page.getByText("The browser did not allow copying").waitFor();
      },
    ],
    [
      "a search that ended early is said in words, in each language",
      async () => {
        const bytes = [...(await readFile(specimen("passport-wrong-check.jpg")))];
        const png = await page.evaluate(async (bytes) => {
          // The lower third, where the zone is, in rows and columns.
          const bitmap = await createImageBitmap(new Blob([Uint8Array.from(bytes)]));
          const [width, height] = [900, 225];
          const canvas = new OffscreenCanvas(2 * width, 8 * height);
          const context = canvas.getContext("2d");
          for (let at = 0; at < 16; at++)
            context.drawImage(
              bitmap,
              ...[0, (bitmap.height * 2) / 3, bitmap.width, bitmap.height / 3],
              ...[(at % 2) * width, (at >> 1) * height, width, height],
            );
          return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
        }, bytes);
        await page.setInputFiles("#file", {
          name: "page.png",
          mimeType: "image/png",
          buffer: Buffer.from(png),
        });
        await shown("result");
        for (const [tag, words] of [
          ["en", /search ended early/],
          ["de", /Suche vorzeitig endete/],
          ["fr", /recherche s’est arrêtée/],
          ["ar", /فتوقف البحث/],
        ]) {
          await page.selectOption("#language", tag);
          await page.waitForFunction((tag) => document.documentElement.lang === tag, tag);
          assert.match(await page.textContent("#notes"), words);
        }
        // It is not taken for the note that there are more documents.
        const said = await page.locator("#review [data-review=note]").count();
        assert.equal(said, (await page.locator("#documents button").count()) > 1 ? 1 : 0);
        await page.selectOption("#language", "en");
        await upload("passport.jpg");
        assert.equal(await page.locator("#notes li").count(), 0);
      },
    ],
    [
      "the table is saved for Excel: every cell is text, leading zeros stay",
      async () => {
        await upload("french-layout.jpg", "passport-12mp.jpg");
        await rows().last().locator("th button").click();
        await shown("result");
        await edit();
        const zeros = expected.get("passport-12mp.jpg").map((line) => line);
        zeros[1] = `000007612${zeros[1].slice(9)}`;
        await page.fill("#edit-lines", zeros.join("\n"));
        await page.waitForFunction(
          () =>
            document.querySelector("[data-field=document_number] bdi").textContent === "000007612",
        );
        await page.click("#to-table");
        for (const press of [
          () => page.click("#batch-xlsx"),
          () => page.keyboard.press("Control+s"),
        ]) {
          const [name, workbook] = await saved(press);
          assert.match(name, /^nibble-20\d\d-\d\d-\d\d-\d{4}\.xlsx$/);
          const [head, french, passport] = cellsOf(workbook);
          assert.deepEqual([head.A, head.G], ["file", "document_number"]);
          assert.equal(french.A, "french-layout.jpg");
          assert.equal(passport.G, "000007612");
          assert.equal(passport.I, "2007-08-03");
        }
        const [name, text] = await saved(() => page.click("#batch-csv"));
        assert.match(name, /\.csv$/);
        assert.match(String(text), /,000007612,/);
      },
    ],
    [
      "a saved reading is named after its picture",
      async () => {
        await upload("id-td2.jpg");
        const [name, text] = await saved(() => page.keyboard.press("Control+s"));
        assert.equal(name, "id-td2.json");
        assert.deepEqual(JSON.parse(text).lines, expected.get("id-td2.jpg"));
      },
    ],
    [
      "a mirrored picture is turned back, which is said",
      async () => {
        // As they stand, some check digits agree: of the visa, most.
        for (const name of ["passport.jpg", "visa-a.jpg"]) {
          const bytes = [...(await readFile(specimen(name)))];
          const text = await page.evaluate(async (bytes) => {
            const bitmap = await createImageBitmap(new Blob([Uint8Array.from(bytes)]));
            const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
            const context = canvas.getContext("2d");
            context.scale(-1, 1);
            context.drawImage(bitmap, -bitmap.width, 0);
            const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
            const mirrored = new Uint8Array(await blob.arrayBuffer());
            let text = "";
            for (const byte of mirrored) text += String.fromCharCode(byte);
            return btoa(text);
          }, bytes);
          await page.setInputFiles("#file", {
            name: "mirrored.jpg",
            mimeType: "image/jpeg",
            buffer: Buffer.from(text, "base64"),
          });
          await shown("result");
          assert.deepEqual(await lines(), expected.get(name));
          assert.match(await page.textContent("#notice"), /mirrored/);
          await page.click("#result .again");
        }
      },
    ],
    [
      "the camera puts one document after another in the table, with undo",
      async () => {
        await page.context().close();
        await open(series, { viewport: { width: 390, height: 800 }, permissions: ["camera"] });
        await page.click("#camera-open");
        await shown("camera");
        await page.waitForSelector("#camera:is([data-state=ask], [data-state=live])");
        if (await page.isVisible("#camera-start")) await page.click("#camera-start");
        await page.check("#series");
        await page.getByText("1 in the table").waitFor();
        // The film begins anew: the same document comes back.
        await page.getByText("2 in the table").waitFor();
        await noSidewaysScroll(page);
        await accessibleInBoth(page);
        await page.click("#series-undo");
        await page.click("#series-table");
        await shown("batch");
        const count = await rows().count();
        assert.ok(count >= 1);
        for (const text of await rows().allTextContents()) assert.match(text, /ROSSI, ANNA MARIA/);
        // Files join what the camera has read.
        await page.setInputFiles("#file", specimen("id-td2.jpg"));
        await page.waitForFunction(
          (count) => document.querySelectorAll("#batch-rows tr").length === count + 1,
          count,
        );
        await noSidewaysScroll(page);
      },
    ],
    [
      "pages of PDF and TIFF files become rows of the table",
      async () => {
        const names = ["passport.jpg", "id-td2.jpg"];
        const requests = [];
        page.on("request", (request) => requests.push(request.url()));
        const pdf = await pdfOf(names, async (jpeg) => {
          const { width, height } = await decoded(jpeg);
          return [width, height];
        });
        const pictures = [];
        for (const name of names) pictures.push(await decoded(await readFile(specimen(name))));
        for (const [name, type, buffer] of [
          ["scan.pdf", "application/pdf", pdf],
          ["scan.tif", "image/tiff", tiffOf(pictures)],
        ]) {
          await page.goto("about:blank");
          await page.goto(address);
          await page.setInputFiles("#file", { name, mimeType: type, buffer });
          await shown("batch-csv");
          const texts = await rows().allTextContents();
          assert.equal(texts.length, 2);
          assert.match(texts[0], new RegExp(`${name}, page 1.*ROSSI, ANNA MARIA.*T86Z98797`));
          assert.match(texts[1], new RegExp(`${name}, page 2.*OKONKWO, CHIDINMA`));
          page.once("dialog", (dialog) => dialog.accept());
        }
        // All of the code came from here.
        assert.ok(requests.every((url) => url.startsWith(address) || /^(blob|about):/.test(url)));
      },
    ],
    [
      "the drawing of pages says how far it is, and can be cancelled; pages beyond the most are named",
      async () => {
        const names = Array(12).fill("id-td2.jpg");
        const { width, height } = await decoded(await readFile(specimen("id-td2.jpg")));
        const pdf = await pdfOf(names, () => [width, height]);
        const file = { name: "long.pdf", mimeType: "application/pdf", buffer: pdf };
        await page.setInputFiles("#file", file);
        await page.getByText(/^Page \d+ of 12 is drawn…$/).waitFor();
        await page.click("#busy-cancel");
        await shown("start");
        // The reader was not stopped, and nothing of the file comes later.
        await upload("passport.jpg");
        assert.equal(await page.locator("#batch").isVisible(), false);
        await page.click("#result .again");
        // On a table, the sentence stands above it.
        await upload("passport.jpg", "id-td2.jpg");
        await page.setInputFiles("#file", { ...file, name: "more.pdf" });
        await page.waitForFunction(() =>
          /^Page \d+ of 12/.test(document.querySelector("#drop-said").textContent),
        );
        await page.waitForFunction(() => document.querySelectorAll("#batch-rows tr").length === 14);
        assert.equal(await page.textContent("#drop-said"), "");
        await page.click("#batch-again");
        const tiny = { width: 8, height: 8, gray: Buffer.alloc(64, 255) };
        await page.setInputFiles("#file", {
          name: "many.tif",
          mimeType: "image/tiff",
          buffer: tiffOf(Array(301).fill(tiny)),
        });
        await page.getByText("The file has 301 pages. Only the first 300 were taken.").waitFor();
        await page.waitForFunction(
          () => document.querySelectorAll("#batch-rows tr").length === 314,
        );
        assert.match(await page.textContent("#drop-said"), /301 pages/);
        page.once("dialog", (dialog) => dialog.accept());
        await page.goto("about:blank");
        await page.goto(address);
      },
    ],
    [
      "a file with one page is a single reading, and a damaged one says what to do",
      async () => {
        const one = await pdfOf(["passport.jpg"], async (jpeg) => {
          const { width, height } = await decoded(jpeg);
          return [width, height];
        });
        const send = (buffer) =>
          page.setInputFiles("#file", { name: "one.pdf", mimeType: "application/pdf", buffer });
        await send(one);
        await shown("result");
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
        await page.click("#result .again");
        await send(Buffer.from("%PDF-1.4\n%%EOF"));
        await shown("problem");
        assert.match(await page.textContent("#problem-text"), /damaged or has a password/);
        await page.click("#problem .again");
        await page.setInputFiles("#file", {
          name: "cut.tif",
          mimeType: "image/tiff",
          buffer: Buffer.from("II*\0\x08\0\0\0\x01\0", "latin1"),
        });
        await shown("problem");
        assert.equal(await page.getAttribute("#problem", "data-code"), "Broken");
      },
    ],
    ["nothing failed on the way", async () => assert.deepEqual(faults, [])],
  ],
  async () => {
    await page?.context().close();
    await open();
  },
);

await Promise.all([plain.close(), series.close()]);
close();
