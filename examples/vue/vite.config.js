import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const isCustomElement = (tag) => tag.startsWith("mrz-");

export default defineConfig({
  base: "./",
  plugins: [vue({ template: { compilerOptions: { isCustomElement } } })],
  worker: { format: "es" },
  // `vite dev` must leave the package where its files are.
  optimizeDeps: { exclude: ["nibble-mrz"] },
});
