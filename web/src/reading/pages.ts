/**
 * Takes files apart that hold several pages: PDF files and TIFF files. The code for each is loaded
 * with the first such file.
 */
import { NibbleError } from "nibble-mrz";
import { at } from "../dom";
import { beside } from "../export";
import { t } from "../messages";
import { Refused, type Paged } from "./decode";
import { t as tt } from "./messages";
import { isAbort } from "./problem";

/** Largest number of pages of a file: more are a mistake, and would fill the memory. */
const MAX_PAGES = 300;
/** Width or height of a page in pixels, whichever is larger: capitals of a scan on A4 have 25. */
const SIDE = 3000;
/** Largest number of pixels of a page in a TIFF file. */
const MAX_PIXELS = 60_000_000;

/** Is told of each page before it is drawn, and of how many the file has; throws to end it. */
type Watch = (page: number, count: number) => void;

function broken(message: string, cause?: unknown): NibbleError {
  return new NibbleError("Broken", message, { cause });
}

async function pngOf(canvas: HTMLCanvasElement): Promise<Blob> {
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw broken("the page cannot be drawn");
  return blob;
}

function canvasOf(width: number, height: number): CanvasRenderingContext2D {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  if (context === null) throw broken("this browser gives no canvas");
  return context;
}

async function* pagesOfPdf(file: Blob, watch: Watch): AsyncGenerator<Blob> {
  const [library, { default: address }] = await Promise.all([
    import("pdfjs-dist/legacy/build/pdf.min.mjs"),
    import("pdfjs-dist/legacy/build/pdf.worker.min.mjs?url"),
  ]);
  // From a blob, so that this page's policy holds for it.
  const code = await (await fetch(address)).blob();
  const script = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const port = new Worker(script, { type: "module" });
  // The library's types name no worker here, which its documentation asks for.
  const worker = new library.PDFWorker({ port: port as unknown as null });
  try {
    const task = library.getDocument({
      data: new Uint8Array(await file.arrayBuffer()),
      worker,
      // Nothing is fetched, and no font is made known to the page.
      disableFontFace: true,
      useSystemFonts: false,
      useWasm: false,
      useWorkerFetch: false,
      stopAtErrors: false,
    });
    const pdf = await task.promise;
    for (let number = 1; number <= Math.min(pdf.numPages, MAX_PAGES); number++) {
      watch(number, pdf.numPages);
      const page = await pdf.getPage(number);
      const { width, height } = page.getViewport({ scale: 1 });
      const viewport = page.getViewport({ scale: SIDE / Math.max(width, height) });
      const context = canvasOf(Math.round(viewport.width), Math.round(viewport.height));
      await page.render({ canvas: context.canvas, canvasContext: context, viewport }).promise;
      yield await pngOf(context.canvas);
      page.cleanup();
    }
    await task.destroy();
  } finally {
    worker.destroy();
    port.terminate();
    URL.revokeObjectURL(script);
  }
}

async function* pagesOfTiff(file: Blob, watch: Watch): AsyncGenerator<Blob> {
  const { default: library } = await import("utif2");
  const bytes = await file.arrayBuffer();
  const found = library.decode(bytes);
  for (const [index, page] of found.slice(0, MAX_PAGES).entries()) {
    watch(index + 1, found.length);
    // Width and height as the file states them, before anything is decoded.
    const pixels = Number(page["t256"]) * Number(page["t257"]);
    if (!(pixels > 0)) continue;
    if (pixels > MAX_PIXELS) throw new NibbleError("TooLarge", "a page of the file is too large");
    library.decodeImage(bytes, page);
    const { width, height } = page;
    const rgba = new Uint8ClampedArray(library.toRGBA8(page));
    const context = canvasOf(width, height);
    context.putImageData(new ImageData(rgba, width, height), 0, 0);
    yield await pngOf(context.canvas);
  }
}

/**
 * Returns the pages of a PDF or TIFF file as pictures, named after the file. Rejects with `Unsupported`
 * or `Broken` if the file is damaged or locked, with `LoadFailed` if the code for it does not arrive,
 * and with what `watch` throws.
 */
async function pagesOf(file: File, kind: Paged, watch: Watch): Promise<File[]> {
  const pages: File[] = [];
  try {
    for await (const page of kind === "pdf" ? pagesOfPdf(file, watch) : pagesOfTiff(file, watch)) {
      const name = t("pageOf", { file: file.name, page: pages.length + 1 });
      pages.push(new File([page], name, { type: page.type }));
    }
  } catch (cause) {
    if (cause instanceof NibbleError || isAbort(cause)) throw cause;
    const missing = cause instanceof TypeError && /import|fetch/i.test(cause.message);
    if (missing)
      throw new NibbleError("LoadFailed", "a part of the page did not arrive", { cause });
    throw kind === "pdf"
      ? new Refused("errPdf", "the file is damaged or locked")
      : broken("the file is damaged", cause);
  }
  if (pages.length === 0) throw broken("the file has no page");
  // A single page keeps the name of its file.
  const [only] = pages;
  if (pages.length === 1 && only !== undefined)
    return [new File([only], beside(file.name, "png"), { type: only.type })];
  return pages;
}

/**
 * Returns files with the pages of those that have a kind in their place. `say` receives how far it
 * is, as a text in the current language. Where there are several files, one that is damaged stays as
 * it is: its row in the table says that it cannot be read. Rejects as the files do, and with an
 * `AbortError` once `signal` is aborted.
 */
export async function allPages(
  files: readonly File[],
  kinds: readonly (Paged | undefined)[],
  signal: AbortSignal,
  say: (words: () => string) => void,
): Promise<File[]> {
  const pages: File[] = [];
  let longest = 0;
  for (const [index, file] of files.entries()) {
    const kind = kinds[index];
    try {
      const watch: Watch = (page, count) => {
        signal.throwIfAborted();
        longest = Math.max(longest, count);
        say(() => tt("pageFrom", { page, count: Math.min(count, MAX_PAGES) }));
      };
      pages.push(...(kind === undefined ? [file] : await pagesOf(file, kind, watch)));
    } catch (thrown) {
      if (files.length === 1 || isAbort(thrown)) throw thrown;
      pages.push(file);
    }
  }
  signal.throwIfAborted();
  if (longest > MAX_PAGES) {
    // Not how far it is, which goes: see `setPages`.
    delete at("drop-said").dataset["of"];
    at("drop-said").textContent = tt("pagesCut", { most: MAX_PAGES, count: longest });
  }
  return pages;
}
