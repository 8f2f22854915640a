/** Addresses of the package's files in the page, as far as reading needs them. */
import type { Binary, Options } from "nibble-mrz";
import relaxed from "../pkg/nibble-relaxed.wasm?url";
import simd128 from "../pkg/nibble-simd128.wasm?url";
import jpeg from "../pkg/nibble-picture-jpeg.wasm?url";
import other from "../pkg/nibble-picture-other.wasm?url";
import f32 from "../pkg/models/ocr-f32.safetensors?url";
import u4 from "../pkg/models/ocr-u4.safetensors?url";
import u8 from "../pkg/models/ocr-u8.safetensors?url";

/** Makes addresses absolute: a worker that starts from a blob has no base address. */
export function absolute<K extends string>(files: Record<K, string>): Record<K, string> {
  const entries = Object.entries<string>(files).map(([key, file]) => [
    key,
    new URL(file, document.baseURI).href,
  ]);
  return Object.fromEntries(entries) as Record<K, string>;
}

/** Returns the addresses of the models. */
export function models(): Record<"f32" | "u8" | "u4", string> {
  return absolute({ f32, u8, u4 });
}

/**
 * Returns the options for the package's `init` in a worker. `?binary=simd128` in the page's address
 * selects a binary, for tests and comparisons.
 */
export function packageOptions(): Options {
  const binary = new URLSearchParams(location.search).get("binary") as Binary | null;
  return {
    wasm: absolute({ relaxed, simd128 }),
    picture: absolute({ jpeg, other }),
    models: models(),
    ...(binary !== null && { binary }),
  };
}
