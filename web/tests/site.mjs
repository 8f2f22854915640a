/** The built page behind a static server of its own, under a sub-path as a project page has it. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

/** The folder of the page. */
export const web = fileURLToPath(new URL("..", import.meta.url));
/** The repository. */
export const repository = join(web, "..");
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".png": "image/png",
  ".jpg": "image/jpeg",
};

/** Quick, since it is done for each request. */
const PACKING = { [constants.BROTLI_PARAM_QUALITY]: 5 };

/**
 * Serves a folder, web/dist if not told; gives its address and a way to end it. `site.down = true`
 * cuts every connection, `site.packed = true` sends files by brotli as public hosts do, and
 * `site.change(file, body)` may alter what is sent: the next version of the page, for one.
 */
export async function site(folder = join(web, "dist")) {
  const state = { down: false, packed: false, change: (_file, body) => body };
  const server = createServer(async (request, response) => {
    if (state.down) return request.socket.destroy();
    const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
    const file = path.startsWith("/some/path/")
      ? path.slice("/some/path/".length) || "index.html"
      : undefined;
    try {
      if (file === undefined) throw new Error("outside the site");
      const body = state.change(file, await readFile(join(folder, file)));
      const packing = state.packed ? { "content-encoding": "br" } : {};
      response.writeHead(200, {
        "content-type": TYPES[extname(file)] ?? "application/octet-stream",
        ...packing,
      });
      response.end(state.packed ? brotliCompressSync(body, { params: PACKING }) : body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(state, {
    address: `http://127.0.0.1:${server.address().port}/some/path/`,
    close: () => server.close(),
  });
}

/** Switches of Chromium in a container, with nothing that talks to the outside. */
export const CHROMIUM = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

/** Runs named checks in order, each after `before`, and sets the exit code by what they came to. */
export async function suite(checks, before = async () => {}) {
  let failed = 0;
  for (const [name, check] of checks) {
    try {
      await before();
      await check();
      console.log(`    ok  ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`    NOT ${name}\n${error.stack}`);
    }
  }
  console.log(`    ${checks.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
