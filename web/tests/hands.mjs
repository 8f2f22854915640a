/** What tests do in the page as a person would, and how they get at more than a person sees. */

/**
 * Runs in the page: chooses a file as a person does, and gives the result as "copy" gives it.
 * `base64` holds the file; an error of the page comes as `{ failed }`.
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
  // Each precision has a model of its own, and the page shows its hash.
  const before = await page.textContent(model);
  await page.locator(`input[value=${precision}]`).check({ force: true });
  await page.waitForFunction(
    ([selector, text]) => document.querySelector(selector).textContent !== text,
    [model, before],
  );
}

/**
 * Runs in the page before its own code: `readInWorker(bytes, precision)` then asks the page's
 * worker for a result, and nothing of the page itself works or draws.
 */
export const tapWorker = () => {
  let last = 0;
  globalThis.Worker = class extends Worker {
    constructor(...address) {
      super(...address);
      globalThis.readInWorker = (source, precision) =>
        new Promise((resolve, reject) => {
          // The page counts its requests upwards from zero.
          const id = --last;
          const hear = ({ data }) => {
            if (data.id !== id) return;
            this.removeEventListener("message", hear);
            if (data.kind === "result") resolve(data.result);
            else reject(new Error(`${data.code}: ${data.message}`));
          };
          this.addEventListener("message", hear);
          this.postMessage({ id, kind: "read", precision, source }, [source.buffer]);
        });
    }
  };
};

/**
 * Runs in the page: whether a worker that starts from a blob, as those of the page do, reaches an
 * address.
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
