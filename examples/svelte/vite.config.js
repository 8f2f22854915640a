import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  plugins: [svelte()],
  worker: { format: "es" },
  // `vite dev` must leave the package where its files are.
  optimizeDeps: { exclude: ["nibble-mrz"] },
});
