/** Ways for tests to use the page as a person does, and to get at what a person cannot see. */

/**
 * Runs in the page: chooses a file as a person does, and returns the result that "copy" gives.
 * `base64` is the content of the file. An error becomes `{ failed: code }`.
 */
export async function readByHand(base64, precision) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const find = (selector) => document.querySelector(selector);
  find(`input[value=${precision}]`).checked = true;
  const data = new DataTransfer();
  data.items.add(new File([bytes], "picture"));
  find("#file").files = data.files;
  find("#file").dispatchEvent(new Event("change"));
  while (!find("#busy").hidden) await new Promise((resolve) => setTimeout(resolve, 10));
  if (find("#result").hidden) return { failed: find("#problem").dataset.code };
  return new Promise((resolve) => {
    const clipboard = { writeText: async (text) => resolve(JSON.parse(text)) };
    Object.defineProperty(navigator, "clipboard", { configurable: true, value: clipboard });
    find("#copy").click();
  });
}

/** Reads the picture on the screen at another precision, and waits for the result. */
export async function readAgain(page, precision) {
  const model = '[data-fact="model"]';
  // Each precision has its own model, whose hash the page shows.
  const before = await page.textContent(model);
  await page.locator(`input[value=${precision}]`).check({ force: true });
  await page.waitForFunction(
    ([selector, text]) => document.querySelector(selector).textContent !== text,
    [model, before],
  );
}

/**
 * Runs in the page before its own code, and gives tests a way to the page's worker, without any work
 * or drawing by the page: `readInWorker(bytes, precision)` reads a file, `frameInWorker(bytes,
 * precision)` a frame of a film, `lumaInWorker(bytes, precision)` one that a camera delivers as luma,
 * and `forgetInWorker(precision)` begins another film. `hasStarted` is true once the engine has.
 */
export const tapWorker = () => {
  let last = 0;
  globalThis.Worker = class extends Worker {
    constructor(...address) {
      super(...address);
      const ask = (request, transfer = []) =>
        new Promise((resolve, reject) => {
          // The page's own ids count upwards from zero.
          const id = --last;
          const hear = ({ data }) => {
            if (data.id !== id) return;
            this.removeEventListener("message", hear);
            if (data.kind === "error") reject(new Error(`${data.code}: ${data.message}`));
            else resolve(data);
          };
          this.addEventListener("message", hear);
          this.postMessage({ ...request, id }, transfer);
        });
      globalThis.readInWorker = async (source, precision) =>
        (await ask({ kind: "read", precision, source }, [source.buffer])).result;
      globalThis.frameInWorker = async (bytes, precision) => {
        const picture = await createImageBitmap(new Blob([bytes]));
        const how = { mirrored: false, alone: false };
        const answer = await ask({ kind: "frame", picture, precision, how }, [picture]);
        answer.picture.close();
        return answer.result;
      };
      globalThis.lumaInWorker = async (bytes, precision) => {
        const picture = await createImageBitmap(new Blob([bytes]));
        const { width, height } = picture;
        const context = new OffscreenCanvas(width, height).getContext("2d");
        context.drawImage(picture, 0, 0);
        const { data } = context.getImageData(0, 0, width, height);
        const planes = new Uint8Array((width * height * 3) / 2).fill(128);
        for (let index = 0; index < width * height; index++) planes[index] = data[4 * index + 1];
        const size = { width, height };
        const form = { format: "I420", codedWidth: width, codedHeight: height, timestamp: 0 };
        const frame = new VideoFrame(planes, form);
        const part = { x: 0, y: 0, ...size };
        const request = { kind: "luma", frame, part, size, precision, mirrored: false };
        return (await ask(request, [frame])).result;
      };
      globalThis.forgetInWorker = (precision) => ask({ kind: "forget", precision });
      this.addEventListener("message", ({ data }) => {
        if (data.kind === "started") globalThis.hasStarted = true;
      });
    }
  };
};

/**
 * Runs in the page: returns whether a worker started from a blob, like those of the page, can reach
 * an address.
 */
export function reachedByWorker(address) {
  const code = `onmessage = ({ data }) => fetch(data, { mode: "no-cors" }).then(() => postMessage(true), () => postMessage(false))`;
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const worker = new Worker(url);
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(address);
  }).finally(() => {
    worker.terminate();
    URL.revokeObjectURL(url);
  });
}

/** Goes to the page, and waits until its script offers the samples. */
export async function arrive(page, address) {
  await page.goto(address);
  await page.waitForFunction(() => document.querySelectorAll("#samples button").length > 4);
}

/** Opens the page as on a desk, where it may use the clipboard. `faults` gets its uncaught errors. */
export async function openAtDesk(browser, address, faults, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    permissions: ["clipboard-read", "clipboard-write"],
    ...options,
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.setDefaultTimeout(30_000);
  await arrive(page, address);
  return page;
}
