/**
 * Runs the ten steps of docs/own-network.md, as they stand there, from `pip install` to a page that
 * answers: each block whose first line says that it is tested.
 *
 * Where python3 has no PyTorch, the blocks before Rust's are left out, and the network of
 * `examples/digits` takes the place of theirs. `NIBBLE_REQUIRE_TORCH=1` makes that a failure.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import { builtWithVite, examples } from "./projects.mjs";
import { CHROMIUM, repository, site, suite, web } from "./site.mjs";

const folder = await mkdtemp(join(tmpdir(), "nibble-own-network-"));
const model = join(folder, "digits.safetensors");
const text = await readFile(join(repository, "docs/own-network.md"), "utf8");
/** The blocks in their order, without their indentation. */
const blocks = [...text.matchAll(/^( *)```([\w,]+)[ ,]tested\n([^]*?)^\1```$/gm)].map(
  ([, indent, language, code]) => ({
    language: language.split(",")[0],
    code: code.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }),
);
const rust = blocks.findIndex(({ language }) => language === "rust");

/** Runs a program in the folder; returns what it prints. */
function run(program, options, path = "") {
  const output = execFileSync(program, options, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PATH: `${path}${delimiter}${process.env.PATH}` },
  });
  return output.trim();
}

const shell = (code, path) =>
  // The document's commands run in the root of the repository, these in a folder beside it.
  run(
    "bash",
    ["-euo", "pipefail", "-c", code.replaceAll("./train/", `${repository}/train/`)],
    path,
  );

/** The ten numbers that a program has printed last. */
function scoresOf(output) {
  const numbers = output.slice(output.lastIndexOf("[")).match(/-?\d+/g).map(Number);
  assert.equal(numbers.length, 10, output);
  return numbers;
}

const hasTorch = spawnSync("python3", ["-c", "import torch"]).status === 0;
if (!hasTorch && process.env.NIBBLE_REQUIRE_TORCH)
  throw new Error("NIBBLE_REQUIRE_TORCH is set, and python3 has no PyTorch");
/** The scores of the first step that runs; all others must give the same. */
let scores;

const training = [
  "steps 1 to 8: installed, trained, exported and simulated",
  async () => {
    const venv = join(folder, "venv");
    run("python3", ["-m", "venv", venv]);
    const python = join(venv, "bin");
    // PyTorch is large, so that of python3 is used.
    const find = "import sysconfig; print(sysconfig.get_path('purelib'))";
    const packages = run("python3", ["-c", find]);
    const own = run(join(python, "python"), ["-c", find]);
    await writeFile(join(own, "outer.pth"), `${packages}\n`);
    const before = blocks.slice(0, rust);
    for (const { language, code } of before) if (language === "sh") shell(code, python);
    const program = before.filter(({ language }) => language === "python");
    assert.equal(program.length + 1, before.length);
    await writeFile(join(folder, "own.py"), program.map(({ code }) => code).join("\n"));
    const output = run(join(python, "python"), ["own.py"]);
    console.log(output.replaceAll(/^/gm, "        "));
    const shares = [...output.matchAll(/([\d.]+)%/g)].map(([, share]) => Number(share));
    assert.equal(shares.length, 3, output);
    // An untrained network is right in a tenth of the cases.
    for (const share of shares) assert.ok(share > 90, `${share} % are right`);
    scores = scoresOf(output);
  },
];

const replaced = [
  "SKIPPED, because python3 has no PyTorch: steps 1 to 8. The network of the example follows",
  async () => {
    await copyFile(join(examples, "digits/digits.safetensors"), model);
    await writeFile(
      join(folder, "digit.bin"),
      Uint8Array.from({ length: 64 }, (_, at) => at * 151),
    );
  },
];

await suite([
  [
    "the document has blocks for each step",
    async () => {
      const languages = blocks.map(({ language }) => language);
      const python = Array(7).fill("python");
      assert.deepEqual(languages, ["sh", ...python, "rust", "js", "sh"]);
    },
  ],
  hasTorch ? training : replaced,
  [
    "step 9 in Rust",
    async () => {
      const crate = join(folder, "crate");
      await mkdir(join(crate, "src"), { recursive: true });
      await copyFile(join(repository, "Cargo.lock"), join(crate, "Cargo.lock"));
      await writeFile(join(crate, "src/main.rs"), blocks[rust].code);
      await writeFile(
        join(crate, "Cargo.toml"),
        `[workspace]\n[package]\nname = "own-network"\nversion = "0.0.0"\nedition = "2024"\n` +
          `[dependencies]\nnibble-core = { path = ${JSON.stringify(join(repository, "core"))} }\n`,
      );
      const target = join(repository, "target/own-network");
      const options = ["run", "--quiet", "--manifest-path", join(crate, "Cargo.toml")];
      const found = scoresOf(run("cargo", [...options, "--target-dir", target]));
      assert.deepEqual(found, scores ?? found);
      scores = found;
    },
  ],
  [
    "step 9 in JavaScript: the same scores",
    async () => {
      await mkdir(join(folder, "node_modules"));
      await symlink(join(web, "pkg"), join(folder, "node_modules/nibble-mrz"));
      const { code } = blocks.find(({ language }) => language === "js");
      const image = `const image = (await import("node:fs")).readFileSync("digit.bin");\n`;
      await writeFile(join(folder, "run.mjs"), image + code);
      // Node breaks the array into lines, and names its type and length first.
      assert.deepEqual(scoresOf(run("node", ["run.mjs"])), scores);
    },
  ],
  [
    "step 9 in a page: it answers with this network",
    async () => {
      const project = await builtWithVite(folder, "digits", (copy) =>
        copyFile(model, join(copy, "digits.safetensors")),
      );
      const { address, close } = await site(join(project, "dist"));
      const browser = await chromium.launch(CHROMIUM);
      try {
        const page = await browser.newPage();
        await page.goto(address);
        await page.getByLabel("Canvas for one digit").focus();
        await page.keyboard.press("Space");
        for (let step = 0; step < 12; step++) await page.keyboard.press("ArrowDown");
        await page.getByText(/^This looks like \d, \d+ %\.$/).waitFor();
      } finally {
        await browser.close();
        close();
      }
    },
  ],
  [
    "step 10: measured",
    async () => {
      const output = shell(blocks.at(-1).code, join(repository, "target/release"));
      for (const precision of ["f32", "u8", "u4"])
        assert.match(output, new RegExp(`total .* ${precision} `), precision);
    },
  ],
]);

await rm(folder, { recursive: true });
