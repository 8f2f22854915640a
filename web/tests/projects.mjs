/** Builds the examples from the package, as a stranger would. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { build } from "vite";
import { repository, web } from "./site.mjs";

/** The folder of the examples. */
export const examples = join(repository, "examples");

/**
 * Installs the package in a project, as `npm install` does for a dependency on a folder, and others
 * from the page's.
 */
export async function installed(project, packages) {
  await mkdir(join(project, "node_modules"));
  await symlink(join(web, "pkg"), join(project, "node_modules/nibble-mrz"));
  for (const name of packages)
    await symlink(join(web, "node_modules", name), join(project, "node_modules", name));
}

/** Checks that a project names the versions with which it is tested. */
export async function sameVersions(project) {
  const read = async (path) => JSON.parse(await readFile(path, "utf8"));
  const { dependencies, devDependencies } = await read(join(project, "package.json"));
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    if (name === "nibble-mrz") continue;
    const tested = await read(join(web, "node_modules", name, "package.json"));
    assert.equal(version, tested.version, name);
  }
}

/**
 * Copies an example that is a project of Vite into a folder, and installs, checks and builds it;
 * returns its folder. `change` may change the copy before.
 */
export async function builtWithVite(folder, name, change = async () => {}) {
  const project = join(folder, name);
  await cp(join(examples, name), project, { recursive: true });
  await change(project);
  await installed(project, ["vite"]);
  await sameVersions(project);
  execFileSync("node", [join(web, "node_modules/typescript/bin/tsc"), "--noEmit", "-p", project], {
    stdio: "inherit",
  });
  await build({ root: project, logLevel: "error" });
  return project;
}
