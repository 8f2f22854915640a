/** Addresses that the build gives to the script within index.html, relative to the page. */
export interface Files {
  engines: Record<"relaxed" | "simd128", string>;
  /** The 4-bit network. */
  network: string;
}
