/**
 * What the elements of this package and the page of its repository are made of: the client of the
 * worker, the camera, and when its frames agree. It may change.
 */
export { Agreement, LIVE_FIELDS, type LiveField, type Progress } from "./agreement.js";
export { readByBrowser, readMirrored } from "./browser.js";
export { Client, type ClientOptions } from "./client.js";
export { Camera, CameraError, cameras, onAllowed, permission, type Trouble } from "./device.js";
export { FrameWatch, Ways, fileOf, visiblePart, type Frame, type FrameReader } from "./frames.js";
export { hintFor, type Hint } from "./hints.js";
export { Mirror } from "./mirror.js";
export { Photographer, type Photo } from "./photo.js";
