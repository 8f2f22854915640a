/**
 * Tests the reading view by W3C WebDriver, for browsers that Playwright cannot drive: sample,
 * upload, camera, errors, privacy.
 */
import assert from "node:assert/strict";
import { readFile, writeFile, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { By, until } from "selenium-webdriver";
import { reachedByWorker } from "./hands.mjs";
import { expected, specimen } from "./specimens.mjs";
import { streamOf } from "./stream.mjs";

/** Returns the checks of the page at an address, for `suite`. */
export function readingChecks(driver, address) {
  const shown = async (id) =>
    driver.wait(until.elementIsVisible(await driver.findElement(By.id(id))), 60_000);
  const lines = async () => (await driver.findElement(By.id("lines")).getText()).split("\n");
  const press = (selector) => driver.findElement(By.css(selector)).click();
  const again = (section) => press(`#${section} .again`);
  const upload = (file) => driver.findElement(By.id("file")).sendKeys(file);

  return [
    [
      "a sample is read",
      async () => {
        await driver.get(address);
        await driver.wait(until.elementLocated(By.css("#samples button")), 20_000);
        await press("#samples li:first-child button");
        await shown("result");
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
        await again("result");
      },
    ],
    [
      "an uploaded file is read",
      async () => {
        await upload(specimen("id-td2-scan.png"));
        await shown("result");
        assert.deepEqual(await lines(), expected.get("id-td2-scan.png"));
        await again("result");
      },
    ],
    [
      "the camera is read, and stops",
      async () => {
        await driver.executeScript(
          streamOf((await readFile(specimen("passport.jpg"))).toString("base64")),
        );
        await press("#camera-open");
        // If the browser reveals that the camera is allowed, nothing is explained.
        await driver.wait(
          until.elementLocated(By.css('#camera[data-state="ask"], #camera[data-state="live"]')),
          20_000,
        );
        if ((await driver.findElement(By.id("camera")).getAttribute("data-state")) === "ask")
          await press("#camera-start");
        await shown("result");
        assert.deepEqual(await lines(), expected.get("passport.jpg"));
        assert.deepEqual(
          await driver.executeScript("return window.given.map((track) => track.readyState)"),
          ["ended"],
        );
        // "Read another" returns to the camera.
        await again("result");
        await shown("camera");
        await press("#camera-close");
        await shown("start");
      },
    ],
    [
      "what is no picture is an error",
      async () => {
        const file = join(await mkdtemp(join(tmpdir(), "nibble-")), "notes.jpg");
        await writeFile(file, "this is no picture");
        await upload(file);
        await shown("problem");
        assert.equal(
          await driver.findElement(By.id("problem")).getAttribute("data-code"),
          "NotAPicture",
        );
        await again("problem");
      },
    ],
    [
      "foreign addresses are out of reach of workers like the page's",
      async () => {
        const reaches = (url) =>
          driver.executeAsyncScript(`(${reachedByWorker})(arguments[0]).then(arguments[1])`, url);
        assert.equal(await reaches(address.replace("127.0.0.1", "localhost")), false);
        assert.equal(await reaches(address), true);
      },
    ],
  ];
}
