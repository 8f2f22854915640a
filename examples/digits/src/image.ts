/** Makes images of strokes like those that the network was trained with: 8 x 8 bytes. */

/** A point in units of the canvas. */
export type Point = readonly [x: number, y: number];
export type Stroke = Point[];

/** Side of the picture that strokes are drawn in, and of the blocks that are counted in it. */
const SIDE = 32;
const BLOCK = 4;
/** Width of a line in the training data, in pixels of that picture. */
const LINE = 4;

/**
 * The image of strokes, row by row; undefined without strokes. As in the data set, a digit fills
 * the picture, and a byte is the share of a block of 4 x 4 pixels that is covered.
 */
export function imageOf(strokes: readonly Stroke[]): Uint8Array | undefined {
  const points = strokes.flat();
  if (points.length === 0) return undefined;
  const range = (axis: 0 | 1) => {
    const values = points.map((point) => point[axis]);
    return [Math.min(...values), Math.max(...values)] as const;
  };
  const [[left, right], [top, bottom]] = [range(0), range(1)];
  // A dot stays a dot.
  const scale = (SIDE - LINE) / Math.max(right - left, bottom - top, 40);
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) return undefined;
  context.setTransform(
    scale,
    0,
    0,
    scale,
    SIDE / 2 - (scale * (left + right)) / 2,
    SIDE / 2 - (scale * (top + bottom)) / 2,
  );
  draw(context, strokes, LINE / scale);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  const sums = new Float32Array((SIDE / BLOCK) ** 2);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      const block = Math.floor(y / BLOCK) * (SIDE / BLOCK) + Math.floor(x / BLOCK);
      sums[block]! += data[4 * (y * SIDE + x) + 3]! / BLOCK ** 2;
    }
  return Uint8Array.from(sums, Math.round);
}

/** Draws strokes with round ends. */
export function draw(
  context: CanvasRenderingContext2D,
  strokes: readonly Stroke[],
  width: number,
): void {
  context.lineWidth = width;
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const [first, ...others] of strokes) {
    if (first === undefined) continue;
    context.beginPath();
    context.moveTo(...first);
    // A line of no length is a dot.
    for (const point of others.length > 0 ? others : [first]) context.lineTo(...point);
    context.stroke();
  }
}
