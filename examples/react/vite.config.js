import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  esbuild: { jsx: "automatic" },
  worker: { format: "es" },
  // `vite dev` must leave the package where its files are.
  optimizeDeps: { exclude: ["nibble-mrz"] },
});
