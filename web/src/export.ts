/** Ways to take results out of the page. Each begins with an action of the person. */
import type { Result } from "nibble-mrz";
import { isoDay } from "nibble-mrz/fields";
import { el } from "./dom";

/** Formats results as the JSON that `native-bench read` writes. */
export function json(result: Result | readonly object[]): string {
  return JSON.stringify(result, null, 2);
}

/** Saves a text or picture as a file. */
export function save(content: BlobPart, name: string, type: string): void {
  const link = el("a", {
    href: URL.createObjectURL(new Blob([content], { type })),
    download: name,
  }) as HTMLAnchorElement;
  link.click();
  // The browser has the file once the press is handled.
  setTimeout(() => URL.revokeObjectURL(link.href));
}

/** Returns the name of a file that is saved now, such as `nibble-2026-11-27-1430.csv`. */
export function dated(ending: string, now = new Date()): string {
  const time = [now.getHours(), now.getMinutes()].map((part) => String(part).padStart(2, "0"));
  return `nibble-${isoDay(now)}-${time.join("")}.${ending}`;
}

/** Returns the name of a file about a picture: its own name with another ending. */
export function beside(picture: string, ending: string): string {
  return `${picture.replace(/\.[^.]*$/, "") || "nibble"}.${ending}`;
}

/** Copies a text. Resolves to false if the browser does not allow it. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Shares a result with another app, as a file if possible. */
export async function share(result: Result): Promise<void> {
  const file = new File([json(result)], "nibble.json", { type: "application/json" });
  const data: ShareData =
    navigator.canShare?.({ files: [file] }) === true ? { files: [file] } : { text: json(result) };
  try {
    await navigator.share(data);
  } catch {
    // The person closed the dialogue: nothing to report.
  }
}
