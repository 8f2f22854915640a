/**
 * The networks that `networks.py` has made, by this package and by onnxruntime-web in one page of
 * Chromium, one thread each, in turn: `cargo xtask networks` runs `node peers/networks.mjs DIR`.
 */
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { loadavg } from "node:os";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM, web } from "../tests/site.mjs";

const folder = process.argv[2];
const ROUNDS = 15;
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript" };
TYPES[".wasm"] = "application/wasm";

const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, "http://x").pathname);
  try {
    const file = path.startsWith("/networks/")
      ? join(folder, path.slice("/networks/".length))
      : join(web, path);
    const body = await readFile(file);
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type }).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const browser = await chromium.launch(CHROMIUM);
const page = await browser.newPage();
page.on("pageerror", (error) => console.error(String(error)));
await page.goto(`http://127.0.0.1:${server.address().port}/peers/networks.html`);
const networks = JSON.parse(await readFile(join(folder, "networks.json"), "utf8"));
await page.waitForFunction(() => globalThis.ready !== undefined, undefined, { timeout: 60_000 });
const times = {};
let version;
for (const network of networks) {
  const found = await page.evaluate(
    ([of, rounds]) => globalThis.ready(of, rounds),
    [network, ROUNDS],
  );
  times[network.file] = found.times;
  version = found.version;
  const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
  console.log(
    network.name,
    Object.fromEntries(
      Object.entries(found.times).map(([name, list]) => [name, Number(median(list).toFixed(3))]),
    ),
  );
}
await writeFile(
  join(folder, "chromium.json"),
  JSON.stringify({ times, version, browser: browser.version(), load: loadavg()[0] }),
);
await browser.close();
server.close();
