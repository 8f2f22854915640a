/**
 * A Vite plugin for the first visit: puts the styles and a first script into index.html, so that
 * both arrive with it, and has the page's policy allow them by their hashes.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { build, type Plugin, type Rollup } from "vite";
import type { Files } from "../src/arrival/files";

/** Replaces what a text must have once. */
function replaced(text: string, pattern: RegExp, by: (...found: string[]) => string): string {
  const count = [...text.matchAll(new RegExp(pattern, "g"))].length;
  if (count !== 1) throw new Error(`index.html has ${count} times ${pattern}`);
  return text.replace(pattern, (...found: string[]) => by(...found));
}

/** Returns the address of the only asset that was made of a file. */
function addressOf(bundle: Rollup.OutputBundle, name: string): string {
  const [found, ...others] = Object.values(bundle).filter(
    (file) => file.type === "asset" && file.names.includes(name),
  );
  if (found === undefined || others.length > 0) throw new Error(`not one asset is ${name}`);
  return `./${found.fileName}`;
}

/** Takes a style sheet out of the bundle. */
function takeStyles(bundle: Rollup.OutputBundle, name: string): string {
  const sheet = bundle[name];
  if (sheet?.type !== "asset") throw new Error(`there is no ${name}`);
  delete bundle[name];
  for (const file of Object.values(bundle))
    if (file.type === "chunk") file.viteMetadata?.importedCss.delete(name);
  return String(sheet.source).trim();
}

/** Builds the first script. */
async function scriptFor(root: string, files: Files): Promise<string> {
  const [built] = [
    await build({
      root,
      configFile: false,
      publicDir: false,
      logLevel: "warn",
      define: { FILES: JSON.stringify(files) },
      build: {
        write: false,
        target: "es2022",
        lib: { entry: join(root, "src/arrival/inline.ts"), formats: ["iife"], name: "inline" },
      },
    }),
  ].flat() as Rollup.RollupOutput[];
  const code = built?.output[0].code.trim() ?? "";
  if (code === "" || code.includes("</")) throw new Error("the first script cannot be in HTML");
  return code;
}

const hashOf = (text: string): string =>
  `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Returns index.html with all that the first visit needs at once. */
async function arriving(html: string, bundle: Rollup.OutputBundle, root: string): Promise<string> {
  const script = await scriptFor(root, {
    engines: {
      relaxed: addressOf(bundle, "nibble-relaxed.wasm"),
      simd128: addressOf(bundle, "nibble-simd128.wasm"),
    },
    network: addressOf(bundle, "ocr-u4.safetensors"),
  });
  let styles = "";
  let page = replaced(html, /<link rel="stylesheet"[^>]*href="\.\/([^"]+)"[^>]*>/, (_, name) => {
    styles = takeStyles(bundle, name ?? "");
    return `<style>${styles}</style>`;
  });
  page = replaced(page, /<script type="module"/, (tag) => `<script>${script}</script>\n${tag}`);
  page = replaced(page, /script-src 'self'/, (rule) => `${rule} ${hashOf(script)}`);
  page = replaced(page, /style-src 'self'/, (rule) => `${rule} ${hashOf(styles)}`);
  return page.replace(
    /data-sample="([^"]+)"/g,
    (_, name: string) => `data-sample="${addressOf(bundle, name)}"`,
  );
}

export function arrival(): Plugin {
  let root = "";
  return {
    name: "nibble-arrival",
    apply: "build",
    configResolved(config) {
      root = config.root;
    },
    transformIndexHtml: {
      order: "post",
      handler: (html, { bundle }) => arriving(html, bundle ?? {}, root),
    },
  };
}
