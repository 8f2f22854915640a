/**
 * The service worker: keeps the page, so that it opens and reads without a network.
 *
 * Installing fetches what a first reading needs. The page asks for the rest when it has time, and
 * whatever of it passes by here is kept. A version has a cache of its own; files whose name holds a
 * hash of their content are taken over from the version before.
 */
import { supported } from "../pkg/features.js";
import { SHARED, type Message, type Precache } from "./precache";

declare const self: ServiceWorkerGlobalScope;
/** Defined by the build. */
declare const PRECACHE: Precache;

const PREFIX = "nibble-";
const CACHE = PREFIX + PRECACHE.version;
/** The folder of files named by their content. */
const HASHED = "assets/";
/** Where the manifest's share target posts. */
const SHARE = "share";

const known = new Set([...PRECACHE.first, ...Object.values(PRECACHE.binaries), ...PRECACHE.rest]);
const address = (file: string): string => new URL(file, self.registration.scope).href;

/** The file that a request asks for, relative to the page; `undefined` outside its folder. */
function fileOf(request: Request): string | undefined {
  const { origin, pathname } = new URL(request.url);
  const folder = new URL(self.registration.scope);
  return origin === folder.origin && pathname.startsWith(folder.pathname)
    ? pathname.slice(folder.pathname.length)
    : undefined;
}

/**
 * Takes a file over from the version before, where its name tells that it is the same; says whether
 * it did.
 */
async function takeOver(cache: Cache, file: string): Promise<boolean> {
  const before = file.startsWith(HASHED) ? await caches.match(address(file)) : undefined;
  if (before !== undefined) await cache.put(address(file), before);
  return before !== undefined;
}

async function keep(cache: Cache, file: string): Promise<void> {
  if (await takeOver(cache, file)) return;
  // Whatever lies in the browser's own cache may be of the version before, except where the name
  // tells.
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
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function missing(): Promise<string[]> {
  const cache = await caches.open(CACHE);
  const kept = new Set((await cache.keys()).map((request) => request.url));
  return [...known].filter((file) => !kept.has(address(file)));
}

/** A kept file; otherwise the network's, kept from now on. */
async function serve(event: FetchEvent, file: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(address(file));
  if (kept !== undefined) return kept;
  const response = await fetch(event.request);
  if (response.ok && file !== "") event.waitUntil(cache.put(address(file), response.clone()));
  return response;
}

/** Puts a picture that another app shares where the page looks for it, and opens the page. */
async function share(request: Request): Promise<Response> {
  const picture = (await request.formData()).get("picture");
  if (picture instanceof File) {
    const headers = {
      "content-type": picture.type,
      "x-file-name": encodeURIComponent(picture.name),
    };
    await (
      await caches.open(SHARED.cache)
    ).put(address(SHARED.address), new Response(picture, { headers }));
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
});
self.addEventListener("message", (event) => {
  const message = event.data as Message;
  if (message === "take-over") event.waitUntil(self.skipWaiting());
  if (message === "missing")
    event.waitUntil(missing().then((files) => event.ports[0]?.postMessage(files.map(address))));
});
