/** The built page in Firefox: sample, upload, error. */
import assert from "node:assert/strict";
import { readFile, writeFile, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { By, until } from "selenium-webdriver";
import { firefox } from "./gecko.mjs";
import { repository, site, suite } from "./site.mjs";

const specimens = join(repository, "testdata/specimens");
const rows = (await readFile(join(specimens, "index.csv"), "utf8")).trim().split("\n").slice(1);
const expected = new Map(rows.map((row) => [row.split(",")[0], row.split(",")[3].split("|")]));
const { address, close } = await site();
const driver = await firefox();
const shown = async (id) => driver.wait(until.elementIsVisible(await driver.findElement(By.id(id))), 60_000);
const lines = async () => (await driver.findElement(By.id("lines")).getText()).split("\n");
const again = (section) => driver.findElement(By.css(`#${section} .again`)).click();
const upload = (file) => driver.findElement(By.id("file")).sendKeys(file);

await suite([
  ["a sample is read", async () => {
    await driver.get(address);
    await driver.wait(until.elementLocated(By.css("#samples button")), 20_000);
    await driver.findElement(By.css("#samples li:first-child button")).click();
    await shown("result");
    assert.deepEqual(await lines(), expected.get("passport.jpg"));
    await again("result");
  }],
  ["an uploaded file is read", async () => {
    await upload(join(specimens, "id-td2-scan.png"));
    await shown("result");
    assert.deepEqual(await lines(), expected.get("id-td2-scan.png"));
    await again("result");
  }],
  ["what is no picture is an error", async () => {
    const file = join(await mkdtemp(join(tmpdir(), "nibble-")), "notes.jpg");
    await writeFile(file, "this is no picture");
    await upload(file);
    await shown("problem");
    assert.equal(await driver.findElement(By.id("problem")).getAttribute("data-code"), "NotAPicture");
    await again("problem");
  }],
  ["foreign addresses are out of reach of the worker", async () => {
    const reaches = (url) =>
      driver.executeAsyncScript("const done = arguments[1]; window.nibbleTest.reaches(arguments[0]).then(done)", url);
    assert.equal(await reaches(address.replace("127.0.0.1", "localhost")), false);
    assert.equal(await reaches(address), true);
  }],
]);

await driver.quit();
close();
