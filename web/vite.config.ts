import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { precache } from "./build/precache";

export default defineConfig({
  // Relative addresses: the page works under any sub-path of any static host.
  base: "./",
  plugins: [precache()],
  resolve: { alias: { nibble: fileURLToPath(new URL("./pkg/index.js", import.meta.url)) } },
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  worker: { format: "iife" },
  server: { fs: { allow: [".."] } },
});
