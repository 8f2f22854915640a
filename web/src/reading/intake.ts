/** The ways in which files reach the reading view: button, drop, paste, samples, other apps. */
import { NibbleError } from "nibble";
import { SHARED } from "../../offline/precache";
import { at, el } from "../dom";
import { t } from "../messages";
import { SAMPLES } from "../samples";

/** Passes files from button, drop and paste to `take`, at least one at a time. */
export function watchFiles(take: (files: File[]) => void): void {
  // Another view handles what is dropped on it.
  const offer = (list: FileList | null | undefined) => {
    const files = [...(list ?? [])];
    if (files.length > 0 && !at("view-read").hidden) take(files);
  };
  const input = at<HTMLInputElement>("file");
  at("choose").addEventListener("click", () => input.click());
  at("camera-choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    offer(input.files);
    // Allows the same file to be chosen again.
    input.value = "";
  });
  const drop = at("drop");
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) drop.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    offer(event.dataTransfer?.files);
  });
  addEventListener("paste", (event) => offer(event.clipboardData?.files));
}

/** Fetches a file of this site. */
async function fetched(address: string): Promise<Blob> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (cause) {
    throw new NibbleError("LoadFailed", address, { cause });
  }
  if (!response.ok) throw new NibbleError("LoadFailed", `${address}: status ${response.status}`);
  return response.blob();
}

/** Offers the specimens. `take` receives the pending file and its name. */
export function offerSamples(take: (file: Promise<Blob>, name: string) => void): void {
  const buttons = SAMPLES.map(({ key, address }) => {
    const button = el("button", { type: "button", "data-t": key, "data-sample": address }, t(key));
    button.addEventListener("click", () => take(fetched(address), t(key)));
    return el("li", {}, button);
  });
  at("samples").replaceChildren(...buttons);
}

/**
 * Returns the file that another app has shared with the installed page, once; null if there is
 * none.
 */
export async function sharedFile(): Promise<File | null> {
  const address = new URL(location.href);
  if (!address.searchParams.has("shared")) return null;
  // A reload or a bookmark must not ask for it again.
  address.searchParams.delete("shared");
  history.replaceState(history.state, "", address);
  const cache = await caches.open(SHARED.cache);
  const response = await cache.match(SHARED.address);
  await caches.delete(SHARED.cache);
  if (response === undefined) return null;
  const blob = await response.blob();
  const name = decodeURIComponent(response.headers.get("x-file-name") ?? "");
  return new File([blob], name || t("file"), { type: blob.type });
}
