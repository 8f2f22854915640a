/** Small helpers over the document. */

/** The element with an id; it must be in index.html. */
export function at<T extends Element = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no #${id}`);
  return element as unknown as T;
}

/** A new element with attributes and children; text is never parsed as HTML. */
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

/** Outlines of lines on an overlay whose coordinates are picture pixels. */
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
