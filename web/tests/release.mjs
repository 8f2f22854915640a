/**
 * Tries a release as a new user would, from the files in target/dist alone, in an empty folder:
 * `cargo xtask dist --try`, which sets NIBBLE_PYTHON_ARM64 to a folder with Debian's Python for
 * arm64. Of this repository, only pictures of its specimens and what they say are used.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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

/** A program in Python that prints the lines of a picture. */
const READ = `import nibble_mrz, sys; print(*nibble_mrz.read(sys.argv[1])["lines"])`;

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

/** Makes something for several checks: by the first that needs it. */
function once(make) {
  let made;
  return () => (made ??= make());
}

/** The site, unpacked. */
const unpackedSite = once(async () => {
  const unpacked = await empty("site");
  run(unpacked, "python3", "-m", "zipfile", "-e", file(/site.*\.zip$/), ".");
  return unpacked;
});

/** The network of digits, which lies in the site beside the example that runs it. */
const digits = once(async () => {
  const assets = join(await unpackedSite(), "examples/digits/assets");
  const [name, ...others] = (await readdir(assets)).filter((name) => /\.safetensors$/.test(name));
  assert.ok(name !== undefined && others.length === 0, "one network");
  return join(assets, name);
});

/** A project with the npm package installed. */
const npmProject = once(async () => {
  const project = await empty("npm");
  await writeFile(join(project, "package.json"), '{ "type": "module" }');
  run(project, "npm", "install", "--silent", "--offline", file(/^nibble-mrz-.*\.tgz$/));
  return project;
});

/** A virtual environment with both wheels. */
const python = once(async () => {
  const place = await empty("python");
  run(place, "python3", "-m", "venv", "venv");
  const program = join(place, "venv/bin/python");
  const pip = (...words) => run(place, program, "-m", "pip", "install", "--quiet", ...words);
  pip("--no-index", file(/^nibble_mrz-.*manylinux.*x86_64.*\.whl$/));
  pip(file(/^nibble_qat-.*\.whl$/));
  return program;
});

/** The C program of the archive, linked with the static and with the shared library. */
const programsInC = once(async () => {
  const place = await empty("c");
  run(place, "tar", "-xzf", file(/^nibble-c-.*x86_64-linux\.tar\.gz$/), "--strip-components=1");
  return ["libnibble.a", "libnibble.so"].map((library) => {
    const needs = ["-lm", "-lpthread", "-ldl", "-Wl,-rpath,$ORIGIN", "-o", `with-${library}`];
    run(place, "cc", "-I.", "program.c", `./${library}`, ...needs);
    return join(place, `with-${library}`);
  });
});

/** The numbers in a text. */
const numbers = (text) => text.trim().split(/\s+/).map(Number);

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
      const host = await site(await unpackedSite());
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
        ["docs/api/typescript/modules/network.html", "network"],
        ["docs/api/python/nibble_mrz.html", "nibble_mrz"],
        ["docs/api/python/nibble_qat.html", "nibble_qat"],
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
      const project = await npmProject();
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
    "the wheels install, and read in Python",
    async () => {
      assert.deepEqual(
        run(folder, await python(), "-c", READ, picture)
          .trim()
          .split(" "),
        lines,
      );
    },
  ],
  [
    "the wheel for ARM reads in Debian's Python under qemu",
    async () => {
      const root = process.env.NIBBLE_PYTHON_ARM64;
      assert.ok(root, "cargo xtask dist --try sets NIBBLE_PYTHON_ARM64");
      const place = await empty("arm64");
      const wheel = file(/^nibble_mrz-.*manylinux.*aarch64.*\.whl$/);
      run(place, "python3", "-m", "zipfile", "-e", wheel, ".");
      const programs = (await readdir(join(root, "usr/bin"))).filter((name) =>
        /^python3\.\d+$/.test(name),
      );
      const program = join(root, "usr/bin", programs[0]);
      const words = ["-E", `PYTHONPATH=${place}`, "-L", root, program, "-c", READ, picture];
      assert.deepEqual(
        run(place, "qemu-aarch64-static", ...words)
          .trim()
          .split(" "),
        lines,
      );
    },
  ],
  [
    "digits end to end: drawn on the example's page, and the same scores in Python, npm and C",
    async () => {
      const host = await site(await unpackedSite());
      const page = await browser.newPage();
      page.setDefaultTimeout(30_000);
      // The pixels that the page hands to its worker.
      await page.addInitScript(() => {
        const { postMessage } = Worker.prototype;
        Worker.prototype.postMessage = function (data, ...rest) {
          if (data instanceof Uint8Array) globalThis.drawn = [...data];
          return postMessage.call(this, data, ...rest);
        };
      });
      await page.goto(`${host.address}examples/digits/index.html`);
      await page.getByLabel("Canvas for one digit").focus();
      await page.keyboard.press("Space");
      for (let step = 0; step < 12; step++) await page.keyboard.press("ArrowDown");
      const said = page.getByText(/^This looks like \d, \d+ %\.$/);
      await said.waitFor();
      const digit = Number(/\d/.exec(await said.textContent()));
      const drawn = await page.evaluate("drawn");
      assert.equal(drawn.length, 64);
      await page.close();
      host.close();

      const [network, image] = [await digits(), join(folder, "image")];
      await writeFile(image, Uint8Array.from(drawn));
      const simulated = `import numpy, nibble_qat, sys
image = numpy.fromfile(sys.argv[2], numpy.uint8).reshape(8, 8, 1)
print(*nibble_qat.simulate(sys.argv[1], image)["scores"].ravel())`;
      const scores = numbers(run(folder, await python(), "-c", simulated, network, image));
      assert.equal(scores.length, 10);
      assert.equal(scores.indexOf(Math.max(...scores)), digit);
      const project = await npmProject();
      await writeFile(
        join(project, "run.js"),
        `import { readFileSync } from "node:fs";
        import { pathToFileURL } from "node:url";
        import { Network } from "nibble-mrz/network";
        const network = await Network.load(pathToFileURL(process.argv[2]));
        console.log(network.run(readFileSync(process.argv[3])).scores.values.join(" "));
        process.exit();`,
      );
      assert.deepEqual(numbers(run(project, "node", "run.js", network, image)), scores);
      for (const program of await programsInC()) {
        const [head, ...rest] = run(dirname(program), program, network, image).trim().split("\n");
        assert.equal(head, "image 8 8 1 -> scores");
        assert.deepEqual(rest.map(Number), scores, program);
      }
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
