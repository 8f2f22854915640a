/** A Vite plugin that writes the service worker together with the list of files it stores. */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin, type Rollup } from "vite";
import type { Precache } from "../offline/precache";

/**
 * Files of `public/` that the page requests as it opens. The system requests the others when it
 * installs the page.
 */
const OPENING = ["icon.svg", "manifest.webmanifest"];

/** What only browsers without modules load, which keep nothing. */
const OLD = "old.js";

/**
 * What few visits need: large files for pages of PDF and TIFF files, and the worker for hosts that
 * forbid one from within the page.
 */
const LATE = /\/(pdf\.|UTIF|worker-)/;

/** Returns the entry chunk and everything that it imports statically. */
function opening(bundle: Rollup.OutputBundle): Set<string> {
  const files = new Set<string>();
  const add = (name: string): void => {
    const chunk = bundle[name];
    if (chunk?.type !== "chunk" || files.has(name)) return;
    files.add(name);
    for (const style of chunk.viteMetadata?.importedCss ?? []) files.add(style);
    chunk.imports.forEach(add);
  };
  Object.values(bundle).forEach(
    (file) => file.type === "chunk" && file.isEntry && add(file.fileName),
  );
  return files;
}

function sorted(bundle: Rollup.OutputBundle, published: string): Precache {
  const at = opening(bundle);
  // Sorted, because the bundle's order differs between two builds.
  const assets = Object.keys(bundle)
    .filter((name) => name !== "index.html")
    .sort();
  const one = (pattern: RegExp): string => {
    const [found, ...others] = assets.filter((name) => pattern.test(name));
    if (found === undefined || others.length > 0)
      throw new Error(`not one file is like ${pattern}`);
    return found;
  };
  const binaries = {
    relaxed: one(/nibble-relaxed-.*\.wasm$/),
    simd128: one(/nibble-simd128-.*\.wasm$/),
  };
  // The first file needs one of them: of what a first visit does not load, they come first.
  const decoders = [one(/nibble-picture-jpeg-.*\.wasm$/), one(/nibble-picture-other-.*\.wasm$/)];
  const network = one(/ocr-u4-.*\.safetensors$/);
  const publics = readdirSync(published)
    .filter((name) => name !== OLD)
    .sort();
  // The empty address is the page itself.
  const first = ["", ...at, network, ...OPENING];
  const late = assets.filter((name) => LATE.test(name));
  const known = new Set([...first, ...Object.values(binaries), ...decoders, ...late]);
  const rest = [...decoders, ...[...assets, ...publics].filter((name) => !known.has(name))];
  const hash = createHash("sha256");
  for (const name of [...assets, ...publics].sort()) hash.update(`${name}\n`);
  // The names of assets contain a hash; of the other files, the content is hashed here.
  const page = bundle["index.html"];
  if (page?.type === "asset") hash.update(page.source);
  for (const name of publics) hash.update(readFileSync(join(published, name)));
  return { version: hash.digest("hex").slice(0, 12), first, binaries, rest, late };
}

/** Writes `sw.js` beside the page. */
export function precache(): Plugin {
  let out = "";
  let root = "";
  let list: Precache;
  return {
    name: "nibble-precache",
    apply: "build",
    configResolved(config) {
      root = config.root;
      out = config.build.outDir;
    },
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        list = sorted(bundle, join(root, "public"));
      },
    },
    async closeBundle() {
      await build({
        root,
        configFile: false,
        publicDir: false,
        logLevel: "warn",
        define: { PRECACHE: JSON.stringify(list) },
        build: {
          outDir: out,
          emptyOutDir: false,
          target: "es2022",
          lib: {
            entry: join(root, "offline/service-worker.ts"),
            formats: ["iife"],
            name: "sw",
            fileName: () => "sw.js",
          },
        },
      });
    },
  };
}
