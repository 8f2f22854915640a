/** Helpers for the document. */

/** Returns the element with an id, which index.html must contain. */
export function at<T extends Element = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no #${id}`);
  return element as unknown as T;
}

/** Creates an element with attributes and children. Text is never parsed as HTML. */
export function el(
  tag: string,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Draws outlines on an overlay. Coordinates are pixels of the picture. */
export function outline(
  overlay: SVGSVGElement,
  quads: [number, number][][],
  width: number,
  height: number,
): void {
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
  overlay.replaceChildren(
    ...quads.map((quad) => {
      const polygon = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
      polygon.setAttribute("points", quad.map(([x, y]) => `${x},${y}`).join(" "));
      return polygon;
    }),
  );
}

/**
 * Makes the buttons of a group one stop of the Tab key, so that what follows is near. The up and
 * down keys move between the buttons. A group that is drawn anew begins with its first button
 * again: only that one may have `tabindex` 0.
 */
export function oneStop(group: Element, buttons: string): void {
  group.addEventListener("keydown", (event) => {
    const { key, target } = event as KeyboardEvent;
    const all = [...group.querySelectorAll<HTMLElement>(buttons)];
    const here = all.indexOf(target as HTMLElement);
    const step = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0;
    const next = all[(here + step + all.length) % all.length];
    if (here < 0 || step === 0 || next === undefined) return;
    event.preventDefault();
    for (const button of all) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  });
}
