/** Debian's Firefox through W3C WebDriver: Playwright cannot drive it. */
import { execFileSync } from "node:child_process";
import { Builder } from "selenium-webdriver";
import { Options, ServiceBuilder } from "selenium-webdriver/firefox.js";

/** Starts a headless Firefox. */
export async function firefox() {
  const driver = execFileSync("which", ["geckodriver"], { encoding: "utf8" }).trim();
  const options = new Options()
    .setBinary(process.env.FIREFOX ?? "/usr/bin/firefox-esr")
    .addArguments("-headless");
  options.setPreference("intl.accept_languages", "en-GB");
  const session = await new Builder()
    .forBrowser("firefox")
    .setFirefoxOptions(options)
    .setFirefoxService(new ServiceBuilder(driver))
    .build();
  await session.manage().setTimeouts({ script: 180_000, pageLoad: 60_000 });
  return session;
}
