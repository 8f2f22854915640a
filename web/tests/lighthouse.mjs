/**
 * Runs Lighthouse on the built page in Chromium: `node tests/lighthouse.mjs [ADDRESS] [--performance]`.
 * `cargo xtask lighthouse` names the address of the server of `cargo xtask demo`; without one, the
 * server of the tests is used.
 *
 * Accessibility, best practices and SEO must score 100. `--performance` also prints the score on
 * Lighthouse's mid-range phone; no test uses it, because it depends on the machine.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CHROMIUM, repository, site } from "./site.mjs";

const MIN_POINTS = 100;
const CHECKED = ["accessibility", "best-practices", "seo"];

// `cargo xtask setup` installs it apart from the page's packages: it has more dependencies than all
// of them together.
const tools = createRequire(join(repository, "target/tools/lighthouse/package.json"));
const load = async (name) => import(pathToFileURL(tools.resolve(name)).href);
const { default: lighthouse } = await load("lighthouse");
const { launch } = await load("chrome-launcher");

const withPerformance = process.argv.includes("--performance");
const given = process.argv.find((argument) => argument.startsWith("http"));
const server = given === undefined ? await site() : { address: given, close: () => undefined };
server.packed = true;
const chrome = await launch({
  chromePath: CHROMIUM.executablePath,
  chromeFlags: ["--headless=new", ...CHROMIUM.args],
  logLevel: "silent",
});
const flags = {
  port: chrome.port,
  logLevel: "error",
  onlyCategories: withPerformance ? [...CHECKED, "performance"] : CHECKED,
};
const { lhr } = await lighthouse(server.address, flags);
await chrome.kill();
server.close();

for (const { id, score } of Object.values(lhr.categories)) {
  const points = Math.round(score * 100);
  console.log(`    ${String(points).padStart(3)}  ${id}`);
  if (!CHECKED.includes(id) || points >= MIN_POINTS) continue;
  process.exitCode = 1;
  const failed = lhr.categories[id].auditRefs
    .map((reference) => lhr.audits[reference.id])
    .filter((audit) => audit.score !== null && audit.score < 1);
  failed.forEach((audit) => console.log(`         ${audit.title}`));
}
if (withPerformance) {
  for (const id of [
    "first-contentful-paint",
    "largest-contentful-paint",
    "interactive",
    "total-blocking-time",
    "cumulative-layout-shift",
    "speed-index",
  ]) {
    console.log(`    ${lhr.audits[id].title}: ${lhr.audits[id].displayValue}`);
  }
}
