/** What the service worker keeps; the build writes it. Addresses are relative to the page. */
export interface Precache {
  /** Changes with any file. */
  version: string;
  /** The page as it opens, and the 4-bit network. */
  first: readonly string[];
  /** Of these, the one that this browser runs. */
  binaries: Readonly<Record<"relaxed" | "simd128", string>>;
  /** Everything else: other networks, other views, samples. */
  rest: readonly string[];
}

/** Where a shared picture waits for the page. */
export const SHARED = { cache: "shared-picture", address: "./shared-picture" } as const;

/** What the page says to the service worker. */
export type Message =
  /** Which files are not kept yet? The answer, on the port sent along, is a list of addresses. */
  | "missing"
  /** Take over from the version before. */
  | "take-over";
