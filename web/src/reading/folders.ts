/** Walks through folders that are dropped. */

/** Returns the files below an entry of a folder, in the order of their names. */
export async function filesBelow(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return [file];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const entries: FileSystemEntry[] = [];
  for (let more; (more = await batchOf(reader)).length > 0;) entries.push(...more);
  const visible = entries.filter(({ name }) => !name.startsWith("."));
  visible.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return (await Promise.all(visible.map(filesBelow))).flat();
}

/** Browsers return the entries of a folder in batches; the last one is empty. */
function batchOf(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}
