/** Builds the examples from the package, as a stranger would, and opens them in Chromium. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { build } from "vite";
import { CHROMIUM, repository, site, suite, web } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const examples = join(repository, "examples");
const folder = await mkdtemp(join(tmpdir(), "nibble-examples-"));
const browser = await chromium.launch(CHROMIUM);

/** Opens a built example, gives it a picture, and compares what it shows. */
async function reads(built) {
  const { address, close } = await site(built);
  const page = await browser.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(address);
  await page.setInputFiles("#file", specimen("passport.jpg"));
  await page.getByText(expected.get("passport.jpg")[0]).waitFor();
  assert.equal(await page.textContent("#result"), expected.get("passport.jpg").join("\n"));
  await page.setInputFiles("#file", {
    name: "notes.jpg",
    mimeType: "image/jpeg",
    buffer: Buffer.from("this is no picture"),
  });
  await page.getByText("NotAPicture").waitFor();
  assert.deepEqual(faults, []);
  await page.close();
  close();
}

await suite([
  [
    "a plain page with the package beside it",
    async () => {
      const plain = join(folder, "plain");
      await cp(join(examples, "plain"), plain, { recursive: true });
      await cp(join(web, "pkg"), join(plain, "nibble-mrz"), { recursive: true });
      await reads(plain);
    },
  ],
  [
    "a project of Vite with the package installed",
    async () => {
      const project = join(folder, "vite");
      await cp(join(examples, "vite"), project, { recursive: true });
      // As `npm install` does for a dependency on a folder.
      await mkdir(join(project, "node_modules"));
      await symlink(join(web, "pkg"), join(project, "node_modules/nibble-mrz"));
      await symlink(join(web, "node_modules/vite"), join(project, "node_modules/vite"));
      execFileSync(
        "node",
        [join(web, "node_modules/typescript/bin/tsc"), "--noEmit", "-p", project],
        { stdio: "inherit" },
      );
      await build({ root: project, logLevel: "error" });
      await reads(join(project, "dist"));
    },
  ],
]);

await browser.close();
await rm(folder, { recursive: true });
