/** How files are loaded: as bytes, or compiled as a module. */
import { NibbleError } from "./error.js";

/** A file: its address, or its bytes. */
export type PackageFile = string | URL | ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** How much of the files that are loaded has arrived, in bytes as the browser unpacks them. */
export interface Progress {
  loaded: number;
}

/** Called when bytes arrive. */
let listener: ((progress: Progress) => void) | undefined;

/** Sets the function that is called when bytes arrive. */
export function report(to: typeof listener): void {
  listener = to;
}

/** Node's functions for files, where there are any. No import: bundlers would follow it. */
interface NodeFiles {
  readFile(file: URL): Promise<Uint8Array<ArrayBuffer>>;
}
type Node = { process?: { getBuiltinModule?(name: string): NodeFiles | undefined } };

/** Files that did not arrive as they should: the browser's cache may hold them as they came. */
const failed = new Set<string>();

/** Has a file fetched from its server the next time, because its content is damaged. */
export function distrust(file: PackageFile): void {
  if (typeof file === "string" || file instanceof URL) failed.add(String(file));
}

/** Answers to requests that a page has made already, by address. */
const begun = new Map<string, Response>();

/** Adopts the answer to a request that was made already: the next load of that file uses it. */
export function adopt(address: string, answer: Response): void {
  begun.set(address, answer);
}

/** Requests a file; reads it where Node does not fetch files. */
async function requested(file: string | URL): Promise<Response> {
  const address = String(file);
  const answer = begun.get(address);
  begun.delete(address);
  if (answer !== undefined) return answer;
  const node = (globalThis as Node).process?.getBuiltinModule?.("node:fs/promises");
  if (node !== undefined && address.startsWith("file:"))
    return new Response(await node.readFile(new URL(address)));
  const response = failed.delete(address)
    ? await fetch(file, { cache: "reload" })
    : await fetch(file);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response;
}

/** Bytes that have arrived since the first load. */
let loaded = 0;

/** Counts the bytes of a copy of the response while they arrive. */
async function count(copy: Response): Promise<void> {
  const reader = copy.body?.getReader();
  for (;;) {
    const chunk = await reader?.read();
    if (chunk === undefined || chunk.done) return;
    loaded += chunk.value.byteLength;
    listener?.({ loaded });
  }
}

/** Fetches a file and passes the response to `take`; any failure is `LoadFailed`. */
async function fetched<T>(
  file: string | URL,
  take: (response: Response) => Promise<T>,
): Promise<T> {
  try {
    const response = await requested(file);
    // What interrupts the copy also interrupts the response, whose error is reported.
    if (listener !== undefined) count(response.clone()).catch(() => undefined);
    return await take(response);
  } catch (cause) {
    distrust(file);
    throw new NibbleError("LoadFailed", `could not load ${String(file)}`, { cause });
  }
}

const isAddress = (file: PackageFile): file is string | URL =>
  typeof file === "string" || file instanceof URL;

/** Loads a file. Rejects with `LoadFailed`, or with `InvalidArgument` if bytes were transferred. */
export async function load(file: PackageFile): Promise<Uint8Array<ArrayBuffer>> {
  if (!isAddress(file)) {
    try {
      if (!ArrayBuffer.isView(file)) return new Uint8Array(file);
      return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
    } catch (cause) {
      throw new NibbleError("InvalidArgument", "the bytes of the file are elsewhere", { cause });
    }
  }
  return fetched(file, async (response) => new Uint8Array(await response.arrayBuffer()));
}

/** Loads and compiles a module: while it arrives, if the server names its type. */
export async function compile(file: PackageFile): Promise<WebAssembly.Module> {
  if (isAddress(file))
    return fetched(file, async (response) =>
      response.headers.get("content-type") === "application/wasm" &&
      "compileStreaming" in WebAssembly
        ? WebAssembly.compileStreaming(response)
        : WebAssembly.compile(await response.arrayBuffer()),
    );
  try {
    return await WebAssembly.compile(file);
  } catch (cause) {
    throw new NibbleError("LoadFailed", "these bytes are no WebAssembly module", { cause });
  }
}
