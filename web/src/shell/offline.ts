/** Makes the page work offline: the service worker, files for later, and new versions. */
import type { Message } from "../../offline/precache";
import { at } from "../dom";
import { whenQuiet } from "../quiet";

/** Sends a message to a service worker. An answer, if any, arrives on a port. */
function ask<T>(worker: ServiceWorker, message: Message): Promise<T> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", ({ data }) => resolve(data as T), { once: true });
    port1.start();
    worker.postMessage(message, [port2]);
  });
}

/** Fetches what the first visit did not need. The service worker stores it. */
async function fetchRest(missing: string[]): Promise<void> {
  for (const file of missing) {
    for (let fetched = false; !fetched;) {
      const signal = await whenQuiet();
      try {
        fetched =
          (await (await fetch(file, { signal, priority: "low" })).arrayBuffer()).byteLength > 0;
      } catch (thrown) {
        // A reading has begun: fetch this file afterwards.
        if (!signal.aborted) throw thrown;
      }
    }
  }
}

/** Offers a new version that is waiting. Only the tab in which it is accepted reloads. */
function offerUpdate(waiting: ServiceWorker): void {
  at("update").hidden = false;
  at("update-now").addEventListener("click", () => {
    // Another tab has accepted it already.
    if (waiting.state !== "installed") return location.reload();
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), {
      once: true,
    });
    waiting.postMessage("take-over" satisfies Message);
  });
}

function watchUpdates(registration: ServiceWorkerRegistration): void {
  const consider = (worker: ServiceWorker | null) => {
    // Without a controller this is the first version, not an update.
    if (worker?.state === "installed" && navigator.serviceWorker.controller !== null)
      offerUpdate(worker);
  };
  consider(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => consider(coming));
  });
}

/**
 * Returns whether the visitor asks to save data: then nothing is fetched that they may never need.
 */
function isThrifty(): boolean {
  return (
    (navigator as Navigator & { connection?: { saveData?: boolean } }).connection?.saveData === true
  );
}

/**
 * Returns the service worker that handles this page's requests. On a first visit it takes a moment
 * until there is one.
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

/** Makes the page work offline. The first reading does not need this. */
export async function startOffline(): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.register("./sw.js");
    watchUpdates(registration);
    const missing = await ask<string[]>(await controller(), "missing");
    if (isThrifty()) return;
    await fetchRest(missing);
    at("offline").hidden = false;
  } catch (thrown) {
    // A private window, or a certificate that the browser does not trust. The page still works
    // online.
    console.info("not available offline:", thrown);
  }
}
