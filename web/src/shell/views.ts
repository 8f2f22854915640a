/** The views of the page. */
import type { View } from "../view";
import type { ShellKey } from "./messages";

/** How a view is named, and where its code is. */
export interface ViewEntry {
  /** The fragment of the address: `#bench`, or `#bench/argument`. The element is `view-bench`. */
  name: string;
  title: ShellKey;
  /** Builds the view inside its element; its code is fetched when it is first wanted. */
  open?(element: HTMLElement): Promise<View>;
}

/** All views; the first is the one that the page opens with. */
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
