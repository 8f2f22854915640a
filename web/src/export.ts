/** Results on their way out of the page, by the person's own hand. */
import type { Result } from "nibble";
import { el } from "./dom";

/** A result as the JSON that `native-bench read` writes. */
export function json(result: Result | readonly object[]): string {
  return JSON.stringify(result, null, 2);
}

/** Offers a text or picture as a file. */
export function save(content: BlobPart, name: string, type: string): void {
  const link = el("a", {
    href: URL.createObjectURL(new Blob([content], { type })),
    download: name,
  }) as HTMLAnchorElement;
  link.click();
  // The browser has taken the file over once the press is handled.
  setTimeout(() => URL.revokeObjectURL(link.href));
}

/** Copies a text; false where the browser does not allow it. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Hands a result to another app, as a file where that is possible. */
export async function share(result: Result): Promise<void> {
  const file = new File([json(result)], "nibble.json", { type: "application/json" });
  const data: ShareData =
    navigator.canShare?.({ files: [file] }) === true ? { files: [file] } : { text: json(result) };
  try {
    await navigator.share(data);
  } catch {
    // The person closed the sheet: nothing to say.
  }
}
