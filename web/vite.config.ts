import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { arrival } from "./build/arrival";
import { precache } from "./build/precache";
import { withRepository, type Repository } from "./build/repository";

/**
 * Takes out of index.html what a first visit need not load: indentation and comments, and the English
 * texts of sections that are hidden until the catalogue has filled them.
 */
const dense: Plugin = {
  name: "nibble-dense",
  apply: "build",
  transformIndexHtml(html) {
    const [first, last] = [html.indexOf('<section id="camera"'), html.indexOf("<footer")];
    if (first < 0 || last < first) throw new Error("index.html has other sections than expected");
    const hidden = html
      .slice(first, last)
      .replaceAll(/(<(\w+)[^>]*\sdata-(?:t|shell)="\w+"[^>]*>)[^<]*(<\/\2\s*>)/g, "$1$3");
    return (html.slice(0, first) + hidden + html.slice(last))
      .replaceAll(/<!--.*?-->/gs, "")
      .replaceAll(/\s*\n\s*/g, " ");
  },
};

/** Links the repository that the npm package names. */
const linked: Plugin = {
  name: "nibble-repository",
  transformIndexHtml: {
    order: "pre",
    handler(html) {
      const text = readFileSync(new URL("../wasm/npm/package.json", import.meta.url), "utf8");
      return withRepository(html, (JSON.parse(text) as { repository?: Repository }).repository);
    },
  },
};

const pkg = fileURLToPath(new URL("./pkg/", import.meta.url));

/** The commit of which the page is built, for results that people share. */
function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short=10", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

export default defineConfig({
  define: { COMMIT: JSON.stringify(commit()) },
  // Relative addresses: the page works under any sub-path of any static host.
  base: "./",
  plugins: [linked, dense, arrival(), precache()],
  resolve: {
    alias: [
      { find: /^nibble-mrz$/, replacement: `${pkg}index.js` },
      { find: /^nibble-mrz\/(\w+)$/, replacement: `${pkg}$1.js` },
    ],
  },
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  worker: { format: "iife" },
  server: { fs: { allow: [".."] } },
});
