/** Serves the built page from a static server, under a sub-path as project pages have. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

/** The folder of the page. */
export const web = fileURLToPath(new URL("..", import.meta.url));
/** The repository. */
export const repository = join(web, "..");
/** The types of files, by the ends of their names. */
export const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".png": "image/png",
  ".jpg": "image/jpeg",
};

/** Low quality, because every request is compressed anew. */
const PACKING = { [constants.BROTLI_PARAM_QUALITY]: 5 };

/**
 * Serves a folder (web/dist by default); returns its address and a function that stops the server.
 * `site.down = true` cuts every connection. `site.packed = true` compresses with brotli, as public
 * hosts do. `site.headers` are sent with every file. `site.change(file, body)` may replace what is sent, for example by the next version of
 * the page.
 */
export async function site(folder = join(web, "dist")) {
  const state = { down: false, packed: false, headers: {}, change: (_file, body) => body };
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
        ...state.headers,
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

/** Switches for Chromium in a container, without any connection to the outside. */
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

/** Runs named checks in order, each after `before`, and sets the exit code. */
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
