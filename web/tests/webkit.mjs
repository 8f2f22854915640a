/** The page in WebKitGTK: reading, the bench view, the explanation, and without a network. */
import assert from "node:assert/strict";
import { By, until } from "selenium-webdriver";
import { site, suite } from "./site.mjs";
import { readingChecks } from "./webdriver.mjs";
import { webkit } from "./webkitgtk.mjs";

const server = await site();
const { address } = server;
const { session, quit } = await webkit();
const find = (selector) => session.wait(until.elementLocated(By.css(selector)), 60_000);
const press = async (selector) => (await find(selector)).click();
const script = (code, ...values) => session.executeScript(code, ...values);

await suite([
  ...readingChecks(session, address),
  [
    "the binary is that of iPhones",
    async () => {
      await press("#samples li:first-child button");
      await session.wait(until.elementIsVisible(await find("#result")), 60_000);
      // The page shows the kernel with its instruction set in brackets.
      const kernel = await script(
        "return document.querySelector('[data-fact=kernel]').textContent",
      );
      assert.match(kernel, /\(.+\)$/);
      assert.doesNotMatch(kernel, /\(.*relaxed.*\)$/);
    },
  ],
  [
    "the bench view measures and finds the same bits",
    async () => {
      await session.get(`${address}?repeats=1#bench`);
      await press("#bench-begin");
      await find(".source canvas");
      // Products, two networks, and a whole reading.
      assert.equal(await script("return document.querySelectorAll('.source tbody tr').length"), 4);
      await press("#bench-compare");
      const parity = await find(".parity");
      assert.equal(await parity.getAttribute("data-different"), "0", await parity.getText());
    },
  ],
  [
    "the explanation follows a line through three networks",
    async () => {
      await press('#views a[href="#how"]');
      await find("#how-maps .maps:not([hidden])");
      assert.equal(
        await script("return document.querySelectorAll('#how-lane [data-agrees=true]').length"),
        2,
      );
    },
  ],
  [
    "it opens and reads without a network",
    async () => {
      await session.get(address);
      await find("#offline:not([hidden])");
      server.down = true;
      await session.get(address);
      await press("#samples li:nth-child(2) button");
      await session.wait(until.elementIsVisible(await find("#result")), 60_000);
      server.down = false;
    },
  ],
]);

await quit();
server.close();
