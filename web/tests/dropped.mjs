/** Files as people bring them: dropped from a file manager, in folders, several documents in one. */
import { readFile } from "node:fs/promises";
import { specimen } from "./specimens.mjs";

const base64 = async (name) => (await readFile(specimen(name))).toString("base64");

/** Drops specimens on the page. */
export async function drop(page, names) {
  const files = await Promise.all(names.map(async (name) => [name, await base64(name)]));
  const data = await page.evaluateHandle((files) => {
    const data = new DataTransfer();
    for (const [name, text] of files) {
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      data.items.add(new File([bytes], name, { type: "image/jpeg" }));
    }
    return data;
  }, files);
  await page.dispatchEvent("#main", "drop", { dataTransfer: data });
}

/**
 * Drops a folder on the page. `tree` has names of files with specimens or texts, and names of folders
 * with trees. Browsers give entries of real folders alone, so these stand in for them, in batches of
 * two as a browser may return them.
 */
export async function dropFolder(page, name, tree) {
  const filled = async (tree) =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(tree).map(async ([name, content]) => [
          name,
          typeof content === "object"
            ? await filled(content)
            : /\.jpg$/.test(content)
              ? { type: "image/jpeg", text: await base64(content) }
              : { type: "text/plain", text: Buffer.from(content).toString("base64") },
        ]),
      ),
    );
  await page.evaluate(
    ([name, tree]) => {
      const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const entryOf = (name, content) => {
        if (typeof content.text === "string") {
          const file = new File([bytes(content.text)], name, { type: content.type });
          return { name, isFile: true, isDirectory: false, file: (take) => take(file) };
        }
        const entries = Object.entries(content).map(([name, content]) => entryOf(name, content));
        const createReader = () => {
          const rest = [...entries].reverse();
          return { readEntries: (take) => setTimeout(() => take(rest.splice(0, 2))) };
        };
        return { name, isFile: false, isDirectory: true, createReader };
      };
      const entry = entryOf(name, tree);
      const item = { kind: "file", type: "", webkitGetAsEntry: () => entry };
      const event = new Event("drop", { bubbles: true, cancelable: true });
      const transfer = { items: [item], files: [], types: ["Files"] };
      Object.defineProperty(event, "dataTransfer", { value: transfer });
      document.querySelector("#main").dispatchEvent(event);
    },
    [name, await filled(tree)],
  );
}

/** A picture of specimens, one below the other, drawn by the browser. */
export async function sheetOf(page, names) {
  const sheet = await page.evaluate(
    async (files) => {
      const pictures = await Promise.all(
        files.map((text) => {
          const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
          return createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
        }),
      );
      const width = Math.max(...pictures.map((picture) => picture.width));
      const height = pictures.reduce((sum, picture) => sum + picture.height, 0);
      const canvas = new OffscreenCanvas(width, height);
      const pen = canvas.getContext("2d");
      let y = 0;
      for (const picture of pictures) {
        pen.drawImage(picture, 0, y);
        y += picture.height;
      }
      const blob = await canvas.convertToBlob({ type: "image/png" });
      return Array.from(new Uint8Array(await blob.arrayBuffer()));
    },
    await Promise.all(names.map(base64)),
  );
  return { name: "sheet.png", mimeType: "image/png", buffer: Buffer.from(sheet) };
}
