/** The client of the worker that reads, as this page needs it. */
import type { Progress } from "nibble-mrz";
import { Client } from "nibble-mrz/parts";
import { takeFiles } from "./arrival/early";
import { packageOptions } from "./files";
import { quietly } from "./quiet";
import InlineWorker from "./worker?worker&inline";

export type { Client };

/** Makes the client. `onProgress` is told of downloads on a first visit. */
export function newClient(onProgress: (progress: Progress) => void): Client {
  // A service worker has the files: counting would only delay them.
  const isFirst = navigator.serviceWorker?.controller == null;
  return new Client({
    worker: () => new InlineWorker(),
    options: packageOptions,
    begun: takeFiles,
    around: quietly,
    onProgress: isFirst ? onProgress : undefined,
  });
}
