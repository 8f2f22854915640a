/** The ways in which files reach the reading view: button, drop, paste, samples, other apps. */
import { NibbleError } from "nibble-mrz";
import { SHARED } from "../../offline/precache";
import { takeSample } from "../arrival/early";
import { at } from "../dom";
import { t } from "../messages";
import { SAMPLES } from "../samples";
import { Refused } from "./decode";

/** Returns the files below an entry of a folder, in the order of their names. */
async function filesBelow(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return [file];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const entries: FileSystemEntry[] = [];
  for (let more; (more = await batchOf(reader)).length > 0;) entries.push(...more);
  const visible = entries.filter(({ name }) => !name.startsWith("."));
  visible.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return (await Promise.all(visible.map(filesBelow))).flat();
}

/** Browsers return the entries of a folder in batches; the last one is empty. */
function batchOf(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

/** Returns the files that were dropped or pasted; of folders, those in them that may be pictures. */
async function filesOf(data: DataTransfer): Promise<File[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory === true)) return [...data.files];
  const found = entries.filter((entry) => entry !== null).map(filesBelow);
  const files = (await Promise.all(found)).flat();
  // A folder has other files too. One whose type the browser does not know may be a picture.
  return files.filter(
    ({ type }) => type === "" || type === "application/pdf" || type.startsWith("image/"),
  );
}

/** Passes files from button, drop and paste to `take`, at least one at a time. */
export function watchFiles(take: (files: File[]) => void): void {
  // Another view handles what is dropped on it.
  const offer = (files: readonly File[]) => {
    if (files.length > 0 && !at("view-read").hidden) take([...files]);
  };
  const offerTransfer = async (data: DataTransfer | null) => {
    if (data === null || at("view-read").hidden) return;
    const isText = data.files.length === 0 && data.types.some((type) => type.startsWith("text/"));
    const files = await filesOf(data);
    at("drop-said").textContent = isText ? t("dropText") : files.length === 0 ? t("dropEmpty") : "";
    offer(files);
  };
  const input = at<HTMLInputElement>("file");
  at("choose").addEventListener("click", () => input.click());
  at("camera-choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    offer([...(input.files ?? [])]);
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
    void offerTransfer(event.dataTransfer);
  });
  addEventListener("paste", (event) => void offerTransfer(event.clipboardData));
}

/** Fetches a file of this site. */
async function fetched(address: string): Promise<Blob> {
  let response: Response;
  try {
    response = await (takeSample(address) ?? fetch(address));
  } catch (cause) {
    throw new NibbleError("LoadFailed", address, { cause });
  }
  if (!response.ok) throw new NibbleError("LoadFailed", `${address}: status ${response.status}`);
  return response.blob();
}

/**
 * Offers the specimens. `take` receives functions that fetch the file, and that return its name in
 * the current language.
 */
export function offerSamples(take: (file: () => Promise<Blob>, name: () => string) => void): void {
  for (const { key, address } of SAMPLES)
    document.querySelector(`#samples [data-t="${key}"]`)?.addEventListener("click", () =>
      take(
        () => fetched(address),
        () => t(key),
      ),
    );
}

/**
 * Returns the file that another app has shared with the installed page, once; null if there is
 * none. Rejects with `Refused` if the page was opened by sharing and the file did not arrive.
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
  if (response === undefined) throw new Refused("errShared", "the shared picture did not arrive");
  const blob = await response.blob();
  const name = decodeURIComponent(response.headers.get("x-file-name") ?? "");
  return new File([blob], name || t("file"), { type: blob.type });
}
