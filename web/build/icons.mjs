/**
 * Draws the icons of the installed page from one drawing. `npm run icons` writes them to `public/`,
 * where they are committed.
 *
 * A maskable icon fills its square and keeps its content within a circle whose radius is 40 % of
 * the width. iPhones round the corners themselves.
 */
import { writeFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import { CHROMIUM } from "../tests/site.mjs";

const LINES =
  '<path d="M7 12h3m2 0h3m2 0h3m2 0h3M7 20h5m2 0h3m2 0h6" stroke="#fff" stroke-width="2.6" fill="none"/>';
const rounded = `<rect width="32" height="32" rx="8" fill="#0f5c55"/>${LINES}`;
const full = `<rect width="32" height="32" fill="#0f5c55"/><g transform="translate(3.2 3.2) scale(.8)">${LINES}</g>`;
const svg = (inside) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${inside}</svg>`;
const at = (name) => new URL(`../public/${name}`, import.meta.url);

const browser = await chromium.launch(CHROMIUM);
for (const [name, size, inside] of [
  ["icon-192.png", 192, rounded],
  ["icon-512.png", 512, rounded],
  ["icon-maskable-512.png", 512, full],
  ["icon-180.png", 180, full],
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(
    `<style>* { margin: 0 } svg { display: block; width: 100vw }</style>${svg(inside)}`,
  );
  await page.screenshot({ path: at(name).pathname, omitBackground: true });
  await page.close();
}
await browser.close();
await writeFile(at("icon.svg"), `${svg(rounded)}\n`);
