/**
 * Draws a card as a camera sees it, with a zone in the place that the standard has for it. So it is
 * known where each corner is.
 */

/** Millimetres of TD2 (Doc 9303-6), and of the zone on it. */
const SIZE = { width: 105, height: 74, left: 4, pitch: 2.54, characters: 36, lines: [15.75, 9.4] };
/** Where a portrait is drawn; millimetres from the top left. */
export const PORTRAIT = { left: 5, top: 13, width: 28, height: 34 };

/** The gray between the four pixels around a place; undefined outside. */
function sample({ width, height, gray }, x, y) {
  if (!(x >= 0 && y >= 0 && x < width && y < height)) return undefined;
  const [left, top] = [Math.max(0, x - 0.5), Math.max(0, y - 0.5)];
  const at = (column, row) =>
    gray[
      Math.min(height - 1, Math.floor(top) + row) * width +
        Math.min(width - 1, Math.floor(left) + column)
    ];
  const [across, down] = [left % 1, top % 1];
  const upper = at(0, 0) * (1 - across) + at(1, 0) * across;
  const lower = at(0, 1) * (1 - across) + at(1, 1) * across;
  return upper * (1 - down) + lower * down;
}

/**
 * Returns a card that lies flat. `zone` is a picture of a zone's two lines, `quads` are their
 * corners in it, and `density` is pixels a millimetre.
 */
function flat(zone, quads, density) {
  const [width, height] = [SIZE.width, SIZE.height].map((side) => Math.round(side * density));
  const gray = new Uint8Array(width * height).fill(215);
  const across = SIZE.pitch * SIZE.characters;
  for (const [line, [a, b, c, d]] of quads.entries()) {
    const middle = SIZE.height - SIZE.lines[line];
    for (let y = Math.floor((middle - 2.6) * density); y < (middle + 2.6) * density; y++)
      for (let x = Math.floor((SIZE.left - 0.5) * density); x < width; x++) {
        // How far along the line, and how far from its middle as a multiple of its height.
        const u = ((x + 0.5) / density - SIZE.left) / across;
        const v = ((y + 0.5) / density - middle) / (across * (quadHeight(a, d) / quadWidth(a, b)));
        if (u < -0.005 || u > 1.005) continue;
        const place = [0, 1].map((axis) => {
          const upper = a[axis] + (b[axis] - a[axis]) * u;
          const lower = d[axis] + (c[axis] - d[axis]) * u;
          return upper + (lower - upper) * (v + 0.5);
        });
        gray[y * width + x] = sample(zone, ...place) ?? 215;
      }
  }
  const { left, top, width: wide, height: tall } = PORTRAIT;
  for (let y = Math.round(top * density); y < (top + tall) * density; y++)
    gray.fill(70, y * width + Math.round(left * density), y * width + (left + wide) * density);
  return { width, height, gray };
}

const quadWidth = ([x, y], [u, v]) => Math.hypot(x - u, y - v);
const quadHeight = quadWidth;

/** Solves for the map of a plane that leads from four points to four others. */
function mapOf(from, to) {
  const rows = from.flatMap(([x, y], index) => {
    const [u, v] = to[index];
    return [
      [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
      [0, 0, 0, x, y, 1, -v * x, -v * y, v],
    ];
  });
  for (let column = 0; column < 8; column++) {
    const pivot = rows
      .slice(column)
      .reduce((best, row) => (Math.abs(row[column]) > Math.abs(best[column]) ? row : best));
    rows.splice(rows.indexOf(pivot), 1);
    rows.splice(column, 0, pivot);
    for (const row of rows)
      if (row !== pivot) {
        const factor = row[column] / pivot[column];
        for (let at = column; at < 9; at++) row[at] -= factor * pivot[at];
      }
  }
  const [a, b, c, d, e, f, g, h] = rows.map((row, index) => row[8] / row[index]);
  return (x, y) => {
    const depth = g * x + h * y + 1;
    return [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth];
  };
}

/**
 * Returns RGBA pixels of a picture in which the corners of a card lie at `corners`, clockwise from
 * the top left. See `flat` for `zone` and `quads`.
 */
export function photograph(zone, quads, { width, height }, corners) {
  const card = flat(zone, quads, 10);
  const edges = [
    [0, 0],
    [card.width, 0],
    [card.width, card.height],
    [0, card.height],
  ];
  const back = mapOf(corners, edges);
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const gray = sample(card, ...back(x + 0.5, y + 0.5)) ?? 90;
      data.fill(gray, 4 * (y * width + x), 4 * (y * width + x) + 3);
    }
  return { width, height, data };
}
