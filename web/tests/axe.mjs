/** Accessibility checks by axe on what a page shows. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * Checks what the page shows now against axe's rules. The debugger runs axe, because the page's
 * policy forbids foreign scripts.
 */
export async function accessible(page) {
  // Colours fade in; the final ones count.
  await page.evaluate(() =>
    Promise.all(
      document.getAnimations().map((animation) => animation.finished.catch(() => undefined)),
    ),
  );
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { resultTypes: ["violations"] }),
  );
  assert.deepEqual(
    violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`),
    [],
  );
}

/** Checks that nothing is wider than the page. */
export async function noSidewaysScroll(page) {
  assert.ok(
    await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
    "the page scrolls sideways",
  );
}

/** Checks the page in light and in dark colours. */
export async function accessibleInBoth(page) {
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await accessible(page);
  }
}
