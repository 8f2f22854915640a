/** The reading view of the built page in Firefox. */
import { firefox } from "./gecko.mjs";
import { site, suite } from "./site.mjs";
import { readingChecks } from "./webdriver.mjs";

const { address, close } = await site();
const driver = await firefox();
await suite(readingChecks(driver, address));
await driver.quit();
close();
