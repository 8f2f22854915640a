/**
 * Checks that no imports form a circle, type-only imports included: among the files of the page and
 * the package, and among the folders of the page. Needs no build and no browser.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import typescript from "typescript";
import { repository, suite, web } from "./site.mjs";

/** Returns the file that a relative import refers to; `undefined` if it is not our TypeScript. */
function target(file, specifier) {
  if (!specifier.startsWith(".")) return undefined;
  const path = resolve(dirname(file), specifier.replace(/\.js$/, ""));
  return [`${path}.ts`, `${path}/index.ts`].find(existsSync);
}

/** Returns the files below a folder, each with the files that it imports. */
async function importsOf(folder) {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".ts"));
  const entries = files.map(async (name) => {
    const file = join(folder, name);
    const { importedFiles } = typescript.preProcessFile(await readFile(file, "utf8"), true, true);
    const targets = importedFiles.map(({ fileName }) => target(file, fileName));
    return [file, new Set(targets.filter((found) => found !== undefined))];
  });
  return new Map(await Promise.all(entries));
}

/** Returns one circle of a graph as a list of nodes, or `undefined` if there is none. */
function circle(graph) {
  const done = new Set();
  const path = [];
  const visit = (node) => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return undefined;
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const found = visit(next);
      if (found !== undefined) return found;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const found = visit(node);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns the graph between folders. Files directly in `root` belong to no folder. */
function folders(graph, root) {
  const folderOf = (file) => {
    const [first, ...rest] = relative(root, file).split("/");
    return rest.length > 0 && first !== ".." ? first : undefined;
  };
  const between = new Map();
  for (const [file, targets] of graph) {
    const from = folderOf(file);
    if (from === undefined) continue;
    const others = [...targets]
      .map(folderOf)
      .filter((folder) => folder !== undefined && folder !== from);
    between.set(from, new Set([...(between.get(from) ?? []), ...others]));
  }
  return between;
}

const page = join(web, "src");
const sources = [page, join(web, "offline"), join(repository, "wasm/npm/src")];

await suite([
  [
    "a circle is found where there is one",
    () => {
      const graph = new Map([
        ["/s/main.ts", new Set(["/s/a/x.ts"])],
        ["/s/a/x.ts", new Set(["/s/b/y.ts", "/s/dom.ts"])],
        ["/s/a/z.ts", new Set(["/s/dom.ts"])],
        ["/s/b/y.ts", new Set(["/s/a/z.ts"])],
      ]);
      assert.equal(circle(graph), undefined);
      assert.deepEqual(circle(folders(graph, "/s")), ["a", "b", "a"]);
      graph.get("/s/a/z.ts").add("/s/a/x.ts");
      assert.deepEqual(circle(graph), ["/s/a/x.ts", "/s/b/y.ts", "/s/a/z.ts", "/s/a/x.ts"]);
    },
  ],
  [
    "files do not import one another in circles",
    async () => {
      for (const folder of sources) {
        const graph = await importsOf(folder);
        assert.ok(graph.size > 1, `${folder} holds no files`);
        const found = circle(graph)?.map((file) => relative(repository, file));
        assert.equal(found, undefined, found?.join(" -> "));
      }
    },
  ],
  [
    "folders of the page do not import one another in circles",
    async () => {
      const found = circle(folders(await importsOf(page), page));
      assert.equal(found, undefined, found?.join(" -> "));
    },
  ],
]);
