import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { precache } from "./build/precache";

/** Takes the indentation out of index.html: a first visit loads it. */
const dense: Plugin = {
  name: "nibble-dense",
  apply: "build",
  transformIndexHtml: (html) => html.replaceAll(/\n\s+/g, "\n"),
};

const pkg = fileURLToPath(new URL("./pkg/", import.meta.url));

export default defineConfig({
  // Relative addresses: the page works under any sub-path of any static host.
  base: "./",
  plugins: [dense, precache()],
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
