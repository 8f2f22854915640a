/** The build of pdf.js for older browsers has the types of the other one. */
declare module "pdfjs-dist/legacy/build/pdf.min.mjs" {
  export * from "pdfjs-dist";
}
