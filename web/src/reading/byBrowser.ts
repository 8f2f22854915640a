/** Reads what needs the browser's decoder. It is loaded after what reads, before it is needed. */
export { readByBrowser, readMirrored } from "nibble-mrz/parts";
