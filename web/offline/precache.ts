/**
 * The files that the service worker stores, as the build lists them. Addresses are relative to the
 * page.
 */
export interface Precache {
  /** Changes whenever a file changes. */
  version: string;
  /** What the page needs to open, and the 4-bit network. */
  first: readonly string[];
  /** Each browser stores the one that it runs. */
  binaries: Readonly<Record<"relaxed" | "simd128", string>>;
  /** Everything else: other networks, other views, samples. */
  rest: readonly string[];
  /** What is stored once it was needed. */
  late: readonly string[];
}

/** Where the service worker leaves a shared picture for the page. */
export const SHARED = { cache: "shared-picture", address: "./shared-picture" } as const;

/** Messages from the page to the service worker. */
export type Message =
  /**
   * Which files are not stored yet? The answer, a list of addresses, arrives on the port sent
   * along.
   */
  | "missing"
  /** Replace the previous version now. */
  | "take-over";
