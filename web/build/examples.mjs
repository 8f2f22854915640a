/** Builds the examples that are part of the published page into `dist/examples`. */
import { fileURLToPath } from "node:url";
import { build } from "vite";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

for (const name of ["digits", "codes"])
  await build({
    root: path(`../../examples/${name}`),
    logLevel: "warn",
    resolve: { alias: [{ find: /^nibble-mrz\/(\w+)$/, replacement: path("../pkg/$1.js") }] },
    build: { outDir: path(`../dist/examples/${name}`), emptyOutDir: true },
  });
