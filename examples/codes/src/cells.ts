/** Joins neighbouring cells of the network's map, and draws boxes around them. */

/** A box, in cells; `right` and `bottom` are one beyond its last cell. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** A code covers several cells; fewer than this are noise. */
const MIN_CELLS = 4;

/** Boxes around groups of cells that touch at their sides and are likelier a code than not. */
export function boxesOf(chances: ArrayLike<number>, rows: number, columns: number): Box[] {
  const boxes: Box[] = [];
  const isSeen = new Uint8Array(rows * columns);
  const isCode = (at: number) => (chances[at] ?? 0) > 0.5 && isSeen[at] === 0;
  for (let start = 0; start < isSeen.length; start++) {
    if (!isCode(start)) continue;
    isSeen[start] = 1;
    const group = [start];
    // The list grows while it is read.
    for (const at of group) {
      const column = at % columns;
      const beside = [
        ...(column > 0 ? [at - 1] : []),
        ...(column + 1 < columns ? [at + 1] : []),
        at - columns,
        at + columns,
      ];
      for (const next of beside)
        if (isCode(next)) {
          isSeen[next] = 1;
          group.push(next);
        }
    }
    if (group.length < MIN_CELLS) continue;
    const across = group.map((at) => at % columns);
    const down = group.map((at) => Math.floor(at / columns));
    boxes.push({
      left: Math.min(...across),
      top: Math.min(...down),
      right: Math.max(...across) + 1,
      bottom: Math.max(...down) + 1,
    });
  }
  return boxes;
}
