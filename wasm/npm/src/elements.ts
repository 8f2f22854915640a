/**
 * `<mrz-camera>` and `<mrz-file>`: elements that read documents in any page. Importing this module
 * defines them.
 */
import { MrzCamera, type CameraProgress, type CameraReading } from "./camera-element.js";
import type { TroubleDetail } from "./element.js";
import { MrzFile, type FileProgress, type FileReading } from "./file-element.js";

export { configure, type TroubleCode, type TroubleDetail } from "./element.js";
export { MrzCamera, type CameraProgress, type CameraReading } from "./camera-element.js";
export { MrzFile, type FileProgress, type FileReading } from "./file-element.js";
export type { Result } from "./result.js";

/** The events of the elements, for listeners in TypeScript. */
export interface MrzEvents {
  reading: CustomEvent<FileReading | CameraReading>;
  progress: CustomEvent<FileProgress | CameraProgress>;
  trouble: CustomEvent<TroubleDetail>;
}

declare global {
  interface HTMLElementTagNameMap {
    "mrz-camera": MrzCamera;
    "mrz-file": MrzFile;
  }
}

const registry = globalThis.customElements as CustomElementRegistry | undefined;
if (registry !== undefined) {
  if (registry.get("mrz-file") === undefined) registry.define("mrz-file", MrzFile);
  if (registry.get("mrz-camera") === undefined) registry.define("mrz-camera", MrzCamera);
}
