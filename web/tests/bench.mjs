/**
 * `bench()` of the built package in Chromium and Firefox, both binaries.
 *
 *     node tests/bench.mjs [--browser chromium|firefox] [--binary relaxed|simd128] [--what gemm,network,verify] [--all] [--repeats N] [--write]
 *
 * Prints the geometric means; `--write` keeps the reports as
 * docs/results/bench-BROWSER-BINARY.json, with the flags of this CPU, which browsers do not tell.
 */
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { cpus } from "node:os";
import { join, normalize } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { firefox } from "./gecko.mjs";
import { CHROMIUM, repository, web } from "./site.mjs";

const { values } = parseArgs({
  options: {
    browser: { type: "string", multiple: true, default: ["chromium", "firefox"] },
    binary: { type: "string", multiple: true, default: ["relaxed", "simd128"] },
    what: { type: "string", default: "gemm,network" },
    repeats: { type: "string", default: "0" },
    all: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, "http://x").pathname);
  const type = path.endsWith(".js")
    ? "text/javascript"
    : path.endsWith(".wasm")
      ? "application/wasm"
      : "text/html";
  try {
    const body =
      path === "/" ? "<!doctype html><title>bench</title>" : await readFile(join(web, "pkg", path));
    response.writeHead(200, { "content-type": type }).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}/`;

/** Runs in the page, as text, because the two drivers hand functions over differently. */
const script = (binary) => `(async () => {
  const nibble = await import("/index.js");
  await nibble.init({ binary: "${binary}" });
  return await nibble.bench({ what: ${JSON.stringify(values.what.split(","))}, allKernels: ${values.all}, repeats: ${Number(values.repeats)} });
})()`;

const engines = {
  chromium: async () => {
    const browser = await chromium.launch(CHROMIUM);
    const run = async (binary) => {
      const page = await browser.newPage();
      await page.goto(address);
      return page.evaluate(script(binary));
    };
    return { run, close: () => browser.close() };
  },
  firefox: async () => {
    const driver = await firefox();
    await driver.manage().setTimeouts({ script: 900_000 });
    const run = async (binary) => {
      await driver.get(address);
      const answer = await driver.executeAsyncScript(`const done = arguments[0];
        ${script(binary)}.then((report) => done({ report }), (error) => done({ error: String(error) }));`);
      if (answer.error) throw new Error(answer.error);
      return answer.report;
    };
    return { run, close: () => driver.quit() };
  },
};

async function flags() {
  const info = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  return /^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1] ?? "";
}

const ratio = (value) => (value === null ? "   -" : value.toFixed(2).padStart(6));
for (const name of values.browser) {
  const engine = await engines[name]();
  for (const binary of values.binary) {
    const report = await engine.run(binary);
    report.device.flags = `${cpus()[0]?.model ?? ""}: ${await flags()}`;
    console.log(
      `\n${name}, ${binary}: clock step ${report.clock_step_ms} ms${report.noisy ? "; figures spread widely" : ""}`,
    );
    console.log(
      `  chosen: ${report.choice.map(({ kernel, wrong }) => kernel + (wrong.length ? ` (wrong: ${wrong})` : "")).join(", ")}`,
    );
    for (const { kernel, exact } of report.verify)
      console.log(`  ${exact ? "exact" : "WRONG"} ${kernel}`);
    for (const { precision, kernel, gmacs, speedup_vs_f32, speedup_vs_u8 } of report.summary) {
      console.log(
        `  ${precision.padEnd(5)}${kernel.padEnd(30)}${gmacs.toFixed(1).padStart(7)} GMAC/s /f32 ${ratio(speedup_vs_f32)} /u8 ${ratio(speedup_vs_u8)}`,
      );
    }
    if (values.write)
      await writeFile(
        join(repository, `docs/results/bench-${name}-${binary}.json`),
        `${JSON.stringify(report, null, 1)}\n`,
      );
  }
  await engine.close();
}
server.close();
