export default {
  base: "./",
  worker: { format: "es" },
  // Files that the package names by `new URL(..., import.meta.url)` lie beside it: `vite dev` must
  // not move it.
  optimizeDeps: { exclude: ["nibble-mrz"] },
};
