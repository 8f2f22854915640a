/** Access to a camera: how to request one, what it can do, and why there may be none. */

/**
 * Preferred, not required. At this size the visible part of a frame has the pixels needed for
 * reading, and phones focus at shorter distances than at small sizes.
 */
const WANTED: MediaTrackConstraints = {
  width: { ideal: 1920 },
  height: { ideal: 1080 },
  frameRate: { ideal: 30 },
};

/** Reasons why the page has no camera. */
export type Trouble =
  "cameraDenied" | "cameraNone" | "cameraBusy" | "cameraLost" | "cameraInsecure";

/** The camera is not available. */
export class CameraError extends Error {
  override readonly name = "CameraError";

  constructor(
    readonly trouble: Trouble,
    options?: ErrorOptions,
  ) {
    super(trouble, options);
  }
}

/** Capabilities that TypeScript's DOM library does not know. */
interface Capabilities extends MediaTrackCapabilities {
  torch?: boolean;
  focusMode?: string[];
  focusDistance?: { min: number; max: number; step: number };
}

/** Settings that TypeScript's DOM library does not know. */
interface Adjustment {
  torch?: boolean;
  focusMode?: string;
  focusDistance?: number;
}

/** Controls that this camera has. */
export interface Abilities {
  torch: boolean;
  /** Range of the manual focus distance; null if the camera has no manual focus. */
  focus: { min: number; max: number; step: number } | null;
}

/**
 * Returns the name of an error. Not every browser throws a `DOMException` for every camera error.
 */
function nameOf(thrown: unknown): string {
  return typeof thrown === "object" && thrown !== null && "name" in thrown
    ? String(thrown.name)
    : "";
}

function troubleOf(thrown: unknown): Trouble {
  const name = nameOf(thrown);
  if (name === "NotAllowedError" || name === "SecurityError") return "cameraDenied";
  if (name === "NotReadableError" || name === "AbortError") return "cameraBusy";
  return "cameraNone";
}

/** Returns the browser's camera permission for this page; `prompt` if the browser does not say. */
export async function permission(): Promise<PermissionState> {
  try {
    return (await navigator.permissions.query({ name: "camera" as PermissionName })).state;
  } catch {
    return "prompt";
  }
}

/** Calls back when the person allows the camera in the settings of the browser. */
export function onAllowed(callback: () => void): void {
  navigator.permissions
    ?.query({ name: "camera" as PermissionName })
    .then((status) =>
      status.addEventListener("change", () => status.state === "granted" && callback()),
    )
    // Not every browser has this permission.
    .catch(() => undefined);
}

/** A camera whose stream is shown in a video element. */
export class Camera {
  readonly #video: HTMLVideoElement;
  #track: MediaStreamTrack | undefined;
  /** Counts starts and stops. A stream that arrives after a later start or stop is discarded. */
  #turn = 0;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  /** The device in use or used last, so that the same one can be started again. */
  device: string | undefined;

  /**
   * Starts the given device, or a camera that faces away from the person. Resolves to false if it
   * was stopped meanwhile. Rejects with `CameraError`.
   */
  async start(device?: string): Promise<boolean> {
    this.stop();
    const mine = this.#turn;
    if (navigator.mediaDevices?.getUserMedia === undefined) throw new CameraError("cameraInsecure");
    const which: MediaTrackConstraints =
      device === undefined
        ? { facingMode: { ideal: "environment" } }
        : { deviceId: { exact: device } };
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { ...WANTED, ...which },
      });
    } catch (cause) {
      // The previous device is gone, perhaps unplugged: any other will do.
      if (device !== undefined && nameOf(cause) === "OverconstrainedError" && mine === this.#turn)
        return this.start();
      throw new CameraError(troubleOf(cause), { cause });
    }
    const track = stream.getVideoTracks()[0];
    if (mine !== this.#turn || track === undefined) {
      for (const unwanted of stream.getTracks()) unwanted.stop();
      return false;
    }
    this.#track = track;
    this.device = track.getSettings().deviceId ?? device;
    this.#video.srcObject = stream;
    // This rejects if the stream is stopped before its first frame. The caller sees that in
    // `#turn`.
    await this.#video.play().catch(() => undefined);
    if (mine === this.#turn && this.#capabilities().focusMode?.includes("continuous"))
      await this.#adjust({ focusMode: "continuous" });
    return mine === this.#turn;
  }

  /** Whether the camera looks at the person who looks at the screen. */
  get facesUser(): boolean {
    return this.#track?.getSettings().facingMode === "user";
  }

  /** Stops the device; its indicator light goes out. */
  stop(): void {
    this.#turn++;
    this.#track?.stop();
    this.#track = undefined;
    this.#video.srcObject = null;
  }

  /** Calls `callback` if the device disappears. */
  onLost(callback: () => void): void {
    this.#track?.addEventListener("ended", callback, { once: true });
  }

  /** Returns the controls that the camera has. */
  abilities(): Abilities {
    const { torch, focusMode, focusDistance } = this.#capabilities();
    const byHand =
      focusMode?.includes("manual") === true &&
      focusDistance !== undefined &&
      focusDistance.max > focusDistance.min;
    return { torch: torch === true, focus: byHand ? focusDistance : null };
  }

  /** Switches the lamp. Resolves to false if the device refuses. */
  torch(on: boolean): Promise<boolean> {
    return this.#adjust({ torch: on });
  }

  /** Sets the focus to a distance within the range in `abilities`. */
  focus(distance: number): Promise<boolean> {
    return this.#adjust({ focusMode: "manual", focusDistance: distance });
  }

  /**
   * Takes a still photo. Rejects with `NotSupportedError` where the browser cannot take one, with
   * the camera's error if the camera refuses, and with the reason of `signal` if that aborts.
   */
  async takePhoto(signal: AbortSignal): Promise<Blob> {
    const track = this.#track;
    // Some browsers have `ImageCapture` for frames alone.
    const isAble = "ImageCapture" in globalThis && "takePhoto" in ImageCapture.prototype;
    if (track === undefined || !isAble)
      throw new DOMException("this browser takes no photos", "NotSupportedError");
    const photo = new ImageCapture(track).takePhoto();
    // After an abort, nobody waits for the photo or its failure.
    photo.catch(() => undefined);
    const late = new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
    );
    return Promise.race([photo, late]);
  }

  #capabilities(): Capabilities {
    return (this.#track?.getCapabilities?.() ?? {}) as Capabilities;
  }

  async #adjust(adjustment: Adjustment): Promise<boolean> {
    try {
      await this.#track?.applyConstraints({ advanced: [adjustment as MediaTrackConstraintSet] });
      return true;
    } catch {
      return false;
    }
  }
}

/** Returns all cameras. Their names are available once one was allowed. */
export async function cameras(): Promise<MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId !== "");
}
