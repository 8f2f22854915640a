import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { precache } from "./build/precache";

/** Takes the indentation out of index.html: a first visit loads it. */
const dense: Plugin = {
  name: "nibble-dense",
  apply: "build",
  transformIndexHtml: (html) => html.replaceAll(/\n\s+/g, "\n"),
};

export default defineConfig({
  // Relative addresses: the page works under any sub-path of any static host.
  base: "./",
  plugins: [dense, precache()],
  resolve: { alias: { "nibble-mrz": fileURLToPath(new URL("./pkg/index.js", import.meta.url)) } },
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  worker: { format: "iife" },
  server: { fs: { allow: [".."] } },
});
