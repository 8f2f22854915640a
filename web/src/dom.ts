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
