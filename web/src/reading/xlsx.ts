/** Writes the table as an Excel workbook. Its library is loaded when a table is saved. */
import type { Row } from "./row";
import { table } from "./csv";

/**
 * Returns the workbook. Every cell is text: a number would lose its leading zeros, and a date its
 * form.
 */
export async function xlsx(rows: readonly Row[]): Promise<Blob> {
  const { default: write } = await import("write-excel-file/universal");
  const cells = table(rows).map((row, index) =>
    row.map((value) => ({
      type: String,
      value,
      ...(index === 0 && { fontWeight: "bold" as const }),
    })),
  );
  return write(cells, { sheet: "Nibble", stickyRowsCount: 1 }).toBlob();
}
