/** The client of the worker that reads, as this page needs it. */
import type { Progress } from "nibble-mrz";
import { Client } from "nibble-mrz/parts";
import { takeFiles } from "./arrival/early";
import { packageOptions } from "./files";
import { quietly } from "./quiet";
import FileWorker from "./worker?worker";
import InlineWorker from "./worker?worker&inline";

export type { Client };

/** Where the worker's code is: within the page, which saves a request, or in a file of its own. */
let place: "inline" | "file" = "inline";

/** Where the code of the next worker is. */
export function placeOfWorker(): "inline" | "file" {
  return place;
}

/** A policy of the host may forbid workers from within the page, which only an event tells. */
function newWorker(): Worker {
  if (place === "file") return new FileWorker();
  const worker = new InlineWorker();
  const refused = () => (place = "file");
  worker.addEventListener("error", refused, { once: true });
  const allowed = () => worker.removeEventListener("error", refused);
  worker.addEventListener("message", allowed, { once: true });
  return worker;
}

/** Makes the client. `onProgress` is told of downloads on a first visit. */
export function newClient(onProgress: (progress: Progress) => void): Client {
  // A service worker has the files: counting would only delay them.
  const isFirst = navigator.serviceWorker?.controller == null;
  return new Client({
    worker: newWorker,
    options: packageOptions,
    begun: takeFiles,
    around: quietly,
    onProgress: isFirst ? onProgress : undefined,
  });
}
