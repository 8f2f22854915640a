/** The ways in which files reach the reading view: button, drop, paste, samples, other apps. */
import { NibbleError } from "nibble-mrz";
import { takeSample } from "../arrival/early";
import { at } from "../dom";
import { t } from "../messages";
import { SAMPLES } from "../samples";
import { loaded } from "./problem";

/**
 * Returns the files that were dropped or pasted; of folders, those in them that may be pictures.
 * Rejects if the code for folders does not arrive, or if a folder cannot be read.
 */
async function filesOf(data: DataTransfer): Promise<File[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory === true)) return [...data.files];
  const { filesBelow } = await loaded(import("./folders"));
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
    const files = await filesOf(data).catch(() => null);
    if (files === null) {
      at("drop-said").textContent = t("errLoadFailed");
      return;
    }
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
  addEventListener("paste", ({ target, clipboardData }) => {
    const isTyping = target instanceof Element && target.matches("input, textarea");
    // Text that is pasted into a field belongs there.
    if (isTyping && clipboardData?.files.length === 0) return;
    void offerTransfer(clipboardData);
  });
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
