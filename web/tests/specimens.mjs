/** The specimens and what is printed on them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "./site.mjs";

const folder = join(repository, "testdata/specimens");
const rows = (await readFile(join(folder, "index.csv"), "utf8")).trim().split("\n").slice(1);

/** Returns the path of a specimen. */
export const specimen = (name) => join(folder, name);

/** The lines of each specimen, by file name. */
export const expected = new Map(
  rows.map((row) => [row.split(",")[0], row.split(",")[3].split("|")]),
);
