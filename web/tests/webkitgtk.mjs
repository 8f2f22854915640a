/**
 * Drives WebKitGTK, the Linux port of the engine of iPhones, by W3C WebDriver on a screen of its
 * own.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Builder, Capabilities } from "selenium-webdriver";

const LIBRARIES = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];

/** Finds the test browser, which Debian stores beside the library. */
function miniBrowser() {
  const folders = LIBRARIES.filter(existsSync).flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.startsWith("webkit2gtk-"))
      .map((name) => join(folder, name)),
  );
  const found = folders
    .map((folder) => join(folder, "MiniBrowser"))
    .filter(existsSync)
    .sort()
    .at(-1);
  if (found === undefined)
    throw new Error("MiniBrowser of WebKitGTK is missing: cargo xtask setup installs it");
  return found;
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a virtual screen and returns its name. */
function screen() {
  const process = spawn(
    "Xvfb",
    ["-displayfd", "3", "-screen", "0", "1280x1000x24", "-nolisten", "tcp"],
    { stdio: ["ignore", "ignore", "ignore", "pipe"] },
  );
  return new Promise((resolve, reject) => {
    process.once("error", reject);
    process.once("exit", () => reject(new Error("Xvfb ended")));
    process.stdio[3].once("data", (text) =>
      resolve({ process, display: `:${String(text).trim()}` }),
    );
  });
}

async function answers(address) {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      if ((await fetch(`${address}/status`)).ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("WebKitWebDriver does not answer");
}

/**
 * Opens an address and waits until it has loaded: the driver may answer while the old document is
 * still there.
 */
async function arrive(session, go) {
  await session.executeScript("window.departing = true");
  await go();
  await session.wait(
    () => session.executeScript("return !window.departing && document.readyState === 'complete'"),
    60_000,
  );
}

/**
 * Starts a session whose `get` resolves when the page has loaded. `quit` ends the browser, its
 * driver and its screen.
 */
export async function webkit() {
  const { process: server, display } = await screen();
  const port = await freePort();
  // Without a language the engine reports "C", which is none.
  const environment = {
    ...process.env,
    LANG: "en_GB.UTF-8",
    LC_ALL: "en_GB.UTF-8",
    LANGUAGE: "en_GB",
    DISPLAY: display,
    LIBGL_ALWAYS_SOFTWARE: "1",
  };
  const driver = spawn("WebKitWebDriver", [`--port=${port}`], {
    env: environment,
    stdio: "ignore",
  });
  const address = `http://127.0.0.1:${port}`;
  await answers(address);
  const capabilities = new Capabilities({
    browserName: "MiniBrowser",
    "webkitgtk:browserOptions": { binary: miniBrowser(), args: ["--automation"] },
  });
  const session = await new Builder().usingServer(address).withCapabilities(capabilities).build();
  await session.manage().setTimeouts({ script: 180_000, pageLoad: 60_000 });
  const get = session.get.bind(session);
  session.get = (address) => arrive(session, () => get(address));
  const quit = async () => {
    await session.quit();
    driver.kill();
    server.kill();
  };
  return { session, quit };
}
