/**
 * The service worker: stores the page, so that it opens and reads without a network.
 *
 * Installing fetches what a first reading needs. The page requests the rest when it is idle, and
 * the service worker stores whatever passes through it. Each version has a cache of its own. Files
 * whose name contains a hash of their content are copied from the previous version's cache. Caches
 * of earlier versions go once a tab of this one is the only tab: until then another may need files
 * that the host no longer has.
 */
import { supported } from "../pkg/features.js";
import { SHARED, type Message, type Precache } from "./precache";

declare const self: ServiceWorkerGlobalScope;
/** The build replaces this name with the list of files. */
declare const PRECACHE: Precache;

const PREFIX = "nibble-";
const CACHE = PREFIX + PRECACHE.version;
/** The folder of files whose names contain a hash of their content. */
const HASHED = "assets/";
/** The address that the manifest's share target posts to. */
const SHARE = "share";

const known = new Set([
  ...PRECACHE.first,
  ...Object.values(PRECACHE.binaries),
  ...PRECACHE.rest,
  ...PRECACHE.late,
]);
const late: ReadonlySet<string> = new Set(PRECACHE.late);
const address = (file: string): string => new URL(file, self.registration.scope).href;

/**
 * Returns the file that a request asks for, relative to the page; `undefined` outside its folder.
 */
function fileOf(request: Request): string | undefined {
  const { origin, pathname } = new URL(request.url);
  const folder = new URL(self.registration.scope);
  return origin === folder.origin && pathname.startsWith(folder.pathname)
    ? pathname.slice(folder.pathname.length)
    : undefined;
}

/**
 * Copies a file from the previous version's cache if its name proves that it is the same. Returns
 * whether it did.
 */
async function takeOver(cache: Cache, file: string): Promise<boolean> {
  const before = file.startsWith(HASHED) ? await caches.match(address(file)) : undefined;
  if (before !== undefined) await cache.put(address(file), before);
  return before !== undefined;
}

async function keep(cache: Cache, file: string): Promise<void> {
  if (await takeOver(cache, file)) return;
  // The browser's own cache may hold an older version, unless the name contains a hash.
  await cache.add(
    new Request(address(file), { cache: file.startsWith(HASHED) ? "default" : "no-cache" }),
  );
}

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  const binary = PRECACHE.binaries[supported() ?? "simd128"];
  await Promise.all([...PRECACHE.first, binary].map((file) => keep(cache, file)));
}

async function activate(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const file of await missing()) await takeOver(cache, file);
  await self.clients.claim();
}

/** Deletes the caches of earlier versions if no tab but `asking`, which is of this one, is open. */
async function sweep(asking: Client | ServiceWorker | MessagePort | null): Promise<void> {
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (tabs.length !== 1 || asking === null || !("id" in asking) || tabs[0]?.id !== asking.id)
    return;
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function missing(): Promise<string[]> {
  const cache = await caches.open(CACHE);
  const kept = new Set((await cache.keys()).map((request) => request.url));
  // A browser without relaxed instructions never runs that binary.
  const useless = supported() === "relaxed" ? undefined : PRECACHE.binaries.relaxed;
  return [...known].filter((file) => file !== useless && !kept.has(address(file)));
}

/** Answers with the stored file, or fetches it from the network and stores it. */
async function serve(event: FetchEvent, file: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(address(file));
  // A file that turned out to be damaged is asked for past every cache.
  if (kept !== undefined && event.request.cache !== "reload") return kept;
  const response = await fetch(event.request);
  if (response.ok && file !== "") event.waitUntil(cache.put(address(file), response.clone()));
  return response;
}

/** Leaves a picture that another app shares where the page looks for it, and opens the page. */
async function share(request: Request): Promise<Response> {
  const picture = (await request.formData()).get("picture");
  if (picture instanceof File) {
    const headers = {
      "content-type": picture.type,
      "x-file-name": encodeURIComponent(picture.name),
    };
    try {
      const cache = await caches.open(SHARED.cache);
      await cache.put(address(SHARED.address), new Response(picture, { headers }));
    } catch (thrown) {
      // The storage is full: the page will say that the picture is missing.
      console.warn("the shared picture is not kept:", thrown);
    }
  }
  return Response.redirect(address("./?shared"), 303);
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const file = fileOf(event.request);
  if (file === undefined) return;
  if (event.request.method === "POST" && file === SHARE) event.respondWith(share(event.request));
  if (event.request.method !== "GET") return;
  if (file === "index.html") event.respondWith(serve(event, ""));
  else if (known.has(file)) event.respondWith(serve(event, file));
  // A tab of an earlier version asks for what that version stored.
  else if (file.startsWith(HASHED))
    event.respondWith(caches.match(address(file)).then((stored) => stored ?? fetch(event.request)));
});
self.addEventListener("message", (event) => {
  const message = event.data as Message;
  if (message === "take-over") event.waitUntil(self.skipWaiting());
  if (message === "missing")
    event.waitUntil(
      missing().then((files) => {
        event.ports[0]?.postMessage(files.filter((file) => !late.has(file)).map(address));
        return sweep(event.source);
      }),
    );
});
