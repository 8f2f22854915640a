import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { tapWorker } from "./hands.mjs";
import { CHROMIUM, site } from "./site.mjs";
const [folder, rounds, ...dists] = process.argv.slice(2);
const browser = await chromium.launch(CHROMIUM);
const places = [];
for (const d of dists) {
  const [dir, binary, prec] = d.split(":");
  const { address, close } = await site(dir);
  const page = await browser.newPage();
  await page.addInitScript(tapWorker);
  await page.goto(`${address}?binary=${binary}`);
  places.push({ name: d, page, prec, times: [] });
}
const files = (await readdir(folder)).filter((n) => n.endsWith(".jpg")).sort().map((n) => join(folder, n));
const median = (l) => [...l].sort((a, b) => a - b)[l.length >> 1];
for (let r = 0; r <= rounds; r++) for (const [i, f] of files.entries()) {
  const b64 = (await readFile(f)).toString("base64");
  for (const p of places) {
    const ms = await p.page.evaluate(async ([t, prec]) => { const x = await globalThis.readInWorker(Uint8Array.from(atob(t), (c) => c.charCodeAt(0)), prec); globalThis.last=x; return x.ms; }, [b64, p.prec]);
    if (r > 0) (p.times[i] ??= []).push(ms);
  }
}
for (const p of places) {
  const k = await p.page.evaluate(() => JSON.stringify(globalThis.last).match(/"kernel[^,]*,/g));
  const of = (part) => median(p.times.map((t) => median(t.map((m) => part === "total" ? m.total - m.decode : m[part]))));
  console.log(p.name, ["locate", "network", "total", "decode"].map((x) => x + " " + of(x).toFixed(2)).join("  "), k);
}
await browser.close(); process.exit(0);
