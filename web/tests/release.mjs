/**
 * Tries a release as a new user would, from the files in target/dist alone, in an empty folder:
 * `cargo xtask dist --try`.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM, repository, site, suite } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const PICTURE = "passport.jpg";
const lines = expected.get(PICTURE);
const dist = join(repository, "target/dist");
const names = await readdir(dist);
const folder = await mkdtemp(join(tmpdir(), "nibble-release-"));
const picture = join(folder, PICTURE);
await copyFile(specimen(PICTURE), picture);
const browser = await chromium.launch(CHROMIUM);

/** The only file of the release with such a name. */
function file(pattern) {
  const found = names.filter((name) => pattern.test(name));
  assert.equal(found.length, 1, `${found.length} files are like ${pattern}`);
  return join(dist, found[0]);
}

const run = (cwd, program, ...words) =>
  execFileSync(program, words, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

async function empty(name) {
  const path = join(folder, name);
  await mkdir(path);
  return path;
}

/** Lines that `native-bench read --json` prints. */
const readBy = (...command) =>
  JSON.parse(run(folder, ...command, "read", "--json", picture))[0].lines;

await suite([
  [
    "the checksums are those of the files",
    () => assert.match(run(dist, "sha256sum", "--check", "SHA256SUMS"), /: OK\n/),
  ],
  [
    "the page from the zip reads a picture, and its documentation opens",
    async () => {
      const unpacked = await empty("site");
      run(unpacked, "python3", "-m", "zipfile", "-e", file(/site.*\.zip$/), ".");
      const host = await site(unpacked);
      const page = await browser.newPage();
      page.setDefaultTimeout(30_000);
      await page.goto(host.address);
      await page.setInputFiles("#file", picture);
      await page.waitForSelector("#lines:not(:empty)");
      assert.deepEqual((await page.textContent("#lines")).split("\n"), lines);
      for (const [path, heading] of [
        ["docs/index.html", "Nibble"],
        ["docs/start.html", "Five minutes"],
        ["docs/api/rust/nibble_reader/index.html", "nibble_reader"],
        ["docs/api/typescript/index.html", "nibble-mrz"],
        ["docs/api/python/nibble_mrz.html", "nibble_mrz"],
      ]) {
        const response = await page.goto(host.address + path);
        assert.equal(response.status(), 200, path);
        assert.ok((await page.textContent("h1 >> nth=-1")).includes(heading), path);
      }
      await page.close();
      host.close();
    },
  ],
  [
    "three lines of HTML read a picture with the element",
    async () => {
      const host = await empty("element");
      run(host, "tar", "-xzf", file(/^nibble-mrz-.*\.tgz$/));
      await writeFile(
        join(host, "index.html"),
        `<!doctype html><script type="module" src="package/elements.js"></script>
        <mrz-file></mrz-file>
        <script>
          addEventListener("reading", ({ detail }) => (globalThis.read = detail.result.lines));
        </script>`,
      );
      const server = await site(host);
      const page = await browser.newPage();
      await page.goto(server.address);
      await page.setInputFiles("mrz-file input[type=file]", picture);
      await page.waitForFunction(() => globalThis.read !== undefined);
      assert.deepEqual(await page.evaluate("read"), lines);
      await page.close();
      server.close();
    },
  ],
  [
    "the npm package installs from its file and reads in Node",
    async () => {
      const project = await empty("npm");
      await writeFile(join(project, "package.json"), '{ "type": "module" }');
      run(project, "npm", "install", "--silent", "--offline", file(/^nibble-mrz-.*\.tgz$/));
      await writeFile(
        join(project, "read.js"),
        `import { readFileSync } from "node:fs";
        import { Reader } from "nibble-mrz";
        const reader = await Reader.create();
        console.log(JSON.stringify((await reader.read(readFileSync(process.argv[2]))).lines));
        reader.dispose();`,
      );
      assert.deepEqual(JSON.parse(run(project, "node", "read.js", picture)), lines);
    },
  ],
  [
    "npm would publish the package as it is",
    () => {
      const words = ["publish", "--dry-run", file(/^nibble-mrz-.*\.tgz$/)];
      const npm = spawnSync("npm", words, { cwd: folder, encoding: "utf8" });
      assert.equal(npm.status, 0, npm.stderr);
      assert.match(npm.stdout, /^\+ nibble-mrz@\d/m);
      // npm mends what it does not like in a package.json, and says so.
      assert.doesNotMatch(npm.stderr, /auto-corrected|invalid/, npm.stderr);
    },
  ],
  [
    "the crates build a program that reads",
    async () => {
      const project = await empty("crate");
      const crates = names.filter((name) => name.endsWith(".crate"));
      let patches = "";
      for (const crate of crates) {
        run(project, "tar", "-xzf", join(dist, crate));
        const [, name] = /^(.*)-\d+\.\d+\.\d+\.crate$/.exec(crate);
        patches += `${name} = { path = "${crate.replace(/\.crate$/, "")}" }\n`;
      }
      await mkdir(join(project, "src"));
      await writeFile(
        join(project, "Cargo.toml"),
        `[package]\nname = "user"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n
        [dependencies]\nnibble-core = "*"\nnibble-picture = "*"\nnibble-reader = "*"\n
        [patch.crates-io]\n${patches}\n[profile.dev]\nopt-level = 1\n`,
      );
      await writeFile(
        join(project, "src/main.rs"),
        `fn main() -> Result<(), Box<dyn std::error::Error>> {
            let bytes = std::fs::read(std::env::args().nth(1).ok_or("a picture")?)?;
            let gray = nibble_picture::decode(&bytes, &nibble_picture::Limits::NATIVE)?;
            let precision = nibble_core::Precision::U4;
            let mut reader = nibble_reader::Reader::with_bundled_model(precision)?;
            reader.read(&gray).lines.iter().for_each(|line| println!("{line}"));
            Ok(())
        }`,
      );
      const printed = run(project, "cargo", "run", "--quiet", "--", picture);
      assert.deepEqual(printed.trim().split("\n"), lines);
    },
  ],
  [
    "the wheels install, and read and simulate in Python",
    async () => {
      const place = await empty("python");
      run(place, "python3", "-m", "venv", "venv");
      const python = join(place, "venv/bin/python");
      const pip = (...words) => run(place, python, "-m", "pip", "install", "--quiet", ...words);
      pip("--no-index", file(/^nibble_mrz-.*manylinux.*x86_64.*\.whl$/));
      const program = `import nibble_mrz, sys; print(*nibble_mrz.read(sys.argv[1])["lines"])`;
      assert.deepEqual(run(place, python, "-c", program, picture).trim().split(" "), lines);
      pip(file(/^nibble_qat-.*\.whl$/));
      const network = join(repository, "examples/digits/digits.safetensors");
      const digits = `import numpy, nibble_qat, sys
outputs = nibble_qat.simulate(sys.argv[1], numpy.zeros((8, 8), numpy.uint8))
print(*(output.size for output in outputs.values()))`;
      assert.equal(run(place, python, "-c", digits, network).trim(), "10");
    },
  ],
  [
    "packages of Python, npm and C have the licences inside",
    () => {
      const packed = names.filter((name) => /\.(whl|tgz|tar\.gz)$/.test(name));
      assert.ok(packed.length >= 6, packed.join(" "));
      for (const name of packed) {
        const list = name.endsWith(".whl") ? ["python3", "-m", "zipfile", "-l"] : ["tar", "-tzf"];
        const inside = run(dist, ...list, name);
        for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"]) {
          assert.ok(inside.includes(`/${licence}`), `${name}: ${licence}`);
        }
      }
    },
  ],
  [
    "the sources of the Python packages are whole",
    async () => {
      const place = await empty("sources");
      run(place, "tar", "-xzf", file(/^nibble_mrz-.*\.tar\.gz$/));
      const [engine] = await readdir(place);
      // The lock file is the whole workspace's; versions stay, and crates that are not here go.
      const words = ["metadata", "--format-version", "1"];
      const metadata = JSON.parse(run(join(place, engine), "cargo", ...words));
      const ours = metadata.workspace_members.filter((member) => member.includes(place));
      assert.equal(ours.length, 8, ours.join(" "));
      run(place, "python3", "-m", "venv", "venv");
      const pip = [join(place, "venv/bin/python"), "-m", "pip", "wheel", "--quiet", "--no-deps"];
      run(place, ...pip, file(/^nibble_qat-.*\.tar\.gz$/));
      assert.ok((await readdir(place)).some((name) => name.endsWith(".whl")));
    },
  ],
  [
    "a program in C runs a network with the static and with the shared library",
    async () => {
      const place = await empty("c");
      run(place, "tar", "-xzf", file(/^nibble-c-.*x86_64-linux\.tar\.gz$/), "--strip-components=1");
      const source = join(repository, "capi/tests/program.c");
      const network = join(repository, "examples/digits/digits.safetensors");
      await writeFile(join(place, "image"), Buffer.alloc(64, 7));
      const results = ["libnibble.a", "libnibble.so"].map((library) => {
        const needs = ["-lm", "-lpthread", "-ldl", "-Wl,-rpath,$ORIGIN"];
        run(place, "cc", "-I.", source, `./${library}`, ...needs, "-o", `with-${library}`);
        return run(place, `./with-${library}`, network, "image");
      });
      assert.ok(results[0].length > 0);
      assert.equal(results[0], results[1]);
    },
  ],
  [
    "the static programs read, one of them under qemu",
    async () => {
      for (const [pattern, ...emulator] of [
        [/^native-bench-.*x86_64-linux$/],
        [/^native-bench-.*aarch64-linux$/, "qemu-aarch64-static"],
      ]) {
        const program = join(folder, "native-bench");
        await rm(program, { force: true });
        await copyFile(file(pattern), program);
        await chmod(program, 0o755);
        assert.deepEqual(readBy(...emulator, program), lines);
        assert.match(run(folder, ...emulator, program, "licences"), /Apache License/);
      }
    },
  ],
]);

await browser.close();
await rm(folder, { recursive: true });
// Servers of checks that failed are still open.
process.exit();
