/** The views of the page. */
import type { View } from "../view";
import type { ShellKey } from "./messages";

/** The name of a view, and where its code is. */
export interface ViewEntry {
  /**
   * The fragment of the address: `#bench` or `#bench/argument`. The element's id is `view-bench`.
   */
  name: string;
  title: ShellKey;
  /** Builds the view inside its element. Its code is fetched when it is first shown. */
  open?(element: HTMLElement): Promise<View>;
}

/** All views. The page opens with the first. */
export const VIEWS: readonly [ViewEntry, ...ViewEntry[]] = [
  { name: "read", title: "titleRead" },
  {
    name: "bench",
    title: "titleBench",
    open: async (element) => (await import("../bench/view")).open(element),
  },
  {
    name: "how",
    title: "titleHow",
    open: async (element) => (await import("../how/view")).open(element),
  },
];
