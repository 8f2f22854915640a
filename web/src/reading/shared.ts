/** The file that another app has shared with the installed page. */
import { SHARED } from "../../offline/precache";
import { t } from "../messages";
import { Refused } from "./decode";

/**
 * Returns the file with which the page was opened, once. Rejects with `Refused` if it did not arrive.
 */
export async function sharedFile(): Promise<File> {
  const address = new URL(location.href);
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
