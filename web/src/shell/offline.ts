/** The page without a network: the service worker, what it fetches for later, and new versions. */
import type { Message } from "../../offline/precache";
import { at } from "../dom";
import { whenQuiet } from "../quiet";

/** Sends a message; where an answer is wanted it comes on a port. */
function ask<T>(worker: ServiceWorker, message: Message): Promise<T> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", ({ data }) => resolve(data as T), { once: true });
    port1.start();
    worker.postMessage(message, [port2]);
  });
}

/** Fetches what the first visit did not need. The service worker keeps it as it passes by. */
async function fetchRest(worker: ServiceWorker): Promise<void> {
  for (const file of await ask<string[]>(worker, "missing")) {
    for (let fetched = false; !fetched;) {
      const signal = await whenQuiet();
      try {
        fetched =
          (await (await fetch(file, { signal, priority: "low" })).arrayBuffer()).byteLength > 0;
      } catch (thrown) {
        // A reading began: this file is fetched after it.
        if (!signal.aborted) throw thrown;
      }
    }
  }
}

/** Offers a version that waits. Only the tab in which it is accepted reloads. */
function offerUpdate(waiting: ServiceWorker): void {
  at("update").hidden = false;
  at("update-now").addEventListener("click", () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), {
      once: true,
    });
    waiting.postMessage("take-over" satisfies Message);
  });
}

function watchUpdates(registration: ServiceWorkerRegistration): void {
  const consider = (worker: ServiceWorker | null) => {
    // Without a controller this is the first version, not a new one.
    if (worker?.state === "installed" && navigator.serviceWorker.controller !== null)
      offerUpdate(worker);
  };
  consider(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => consider(coming));
  });
}

/** Someone who pays for each megabyte has not asked for what they may never use. */
function isThrifty(): boolean {
  return (
    (navigator as Navigator & { connection?: { saveData?: boolean } }).connection?.saveData === true
  );
}

/**
 * The service worker that sees this page's requests; on a first visit it takes a moment until one
 * does.
 */
async function controller(): Promise<ServiceWorker> {
  const container = navigator.serviceWorker;
  while (container.controller === null) {
    await new Promise((resolve) =>
      container.addEventListener("controllerchange", resolve, { once: true }),
    );
  }
  return container.controller;
}

/** Makes the page work without a network. The first reading needs nothing of this. */
export async function startOffline(): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.register("./sw.js");
    watchUpdates(registration);
    if (isThrifty()) return;
    await fetchRest(await controller());
    at("offline").hidden = false;
  } catch (thrown) {
    // A private window, or a certificate that the browser does not trust: the page works all the
    // same while there is a network.
    console.info("not available offline:", thrown);
  }
}
