/** Makes a row of the table for each document of a picture. */
import type { Found, Result } from "nibble-mrz";
import { chosen } from "./documents";
import { isAboutOne } from "./lines";
import { t as tt } from "./messages";
import type { ReadRow, Row } from "./row";

/**
 * Returns a row for each document where a reading holds several, in their order on the picture, and
 * otherwise the row itself. Each row has the picture, under the name of the file and a number.
 */
export function documentRows(row: Row): Row[] {
  const { file, reading } = row;
  const documents = reading?.result.documents ?? [];
  if (reading === undefined || documents.length < 2) return [row];
  return documents.map((found, index): ReadRow => {
    const name = tt("documentOf", { file: file.name, number: index + 1 });
    return {
      file: new File([file], name, { type: file.type }),
      reading: { ...reading, result: alone(reading.result, found) },
    };
  });
}

/** Returns the result as if one of its documents were the only one in the picture. */
function alone(result: Result, found: Found): Result {
  const one = chosen(result, found);
  return { ...one, documents: [found], review: one.review.filter(isAboutOne) };
}

/** The middle of all lines. */
function middle(quads: Result["quads"]): [number, number] {
  const corners = quads.flat();
  const mean = (axis: 0 | 1) =>
    corners.reduce((sum, corner) => sum + corner[axis], 0) / Math.max(1, corners.length);
  return [mean(0), mean(1)];
}

/** Returns a new result of a picture with the document alone that stands where `before` has its own. */
export function sameDocument(result: Result, before: Result): Result {
  const [x, y] = middle(before.quads);
  const far = (found: Found) => {
    const [a, b] = middle(found.quads);
    return Math.hypot(a - x, b - y);
  };
  const [nearest] = [...result.documents].sort((one, other) => far(one) - far(other));
  return nearest === undefined ? result : alone(result, nearest);
}
