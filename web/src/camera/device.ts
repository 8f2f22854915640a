/** One camera: how it is asked for, what it can do, and why there may be none. */

/**
 * Asked for, not demanded: what is on the screen of this has the pixels that a frame is read at,
 * and phones focus nearer in it than in small sizes.
 */
const WANTED: MediaTrackConstraints = {
  width: { ideal: 1920 },
  height: { ideal: 1080 },
  frameRate: { ideal: 30 },
};

/** What may keep the page from a camera. */
export type Trouble = "cameraDenied" | "cameraNone" | "cameraBusy" | "cameraInsecure";

/** A camera that cannot be had. */
export class CameraError extends Error {
  override readonly name = "CameraError";

  constructor(
    readonly trouble: Trouble,
    options?: ErrorOptions,
  ) {
    super(trouble, options);
  }
}

/** What `getCapabilities` may list beyond the types of the DOM library. */
interface Capabilities extends MediaTrackCapabilities {
  torch?: boolean;
  focusMode?: string[];
  focusDistance?: { min: number; max: number; step: number };
}

/** Settings beyond those types. */
interface Adjustment {
  torch?: boolean;
  focusMode?: string;
  focusDistance?: number;
}

/** Switches that this camera has. */
export interface Abilities {
  torch: boolean;
  /** Range of the distance that can be focused by hand. */
  focus: { min: number; max: number; step: number } | null;
}

/** The name of anything thrown: not all errors of cameras are `DOMException`s in all browsers. */
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

/** What the browser has noted about the camera for this page; `prompt` where it does not tell. */
export async function permission(): Promise<PermissionState> {
  try {
    return (await navigator.permissions.query({ name: "camera" as PermissionName })).state;
  } catch {
    return "prompt";
  }
}

/** The camera whose picture a video element shows. */
export class Camera {
  readonly #video: HTMLVideoElement;
  #track: MediaStreamTrack | undefined;
  /**
   * Counts starts and stops: a stream that arrives after the next of either is not wanted any more.
   */
  #turn = 0;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  /** The device in use, or the one used last: it is the one to come back to. */
  device: string | undefined;

  /**
   * Starts the device named, or one that looks away from the person. False where it was stopped
   * meanwhile. Rejects with `CameraError`.
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
      // The device of before is gone, unplugged perhaps: any other will do.
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
    // Rejects where the stream is stopped before its first frame: the caller learns that from the
    // turn.
    await this.#video.play().catch(() => undefined);
    if (mine === this.#turn && this.#capabilities().focusMode?.includes("continuous"))
      await this.#adjust({ focusMode: "continuous" });
    return mine === this.#turn;
  }

  /** Stops the device: its light goes out. */
  stop(): void {
    this.#turn++;
    this.#track?.stop();
    this.#track = undefined;
    this.#video.srcObject = null;
  }

  /** Calls back if the device goes away by itself. */
  onLost(callback: () => void): void {
    this.#track?.addEventListener("ended", callback, { once: true });
  }

  /** What can be switched. */
  abilities(): Abilities {
    const { torch, focusMode, focusDistance } = this.#capabilities();
    const byHand =
      focusMode?.includes("manual") === true &&
      focusDistance !== undefined &&
      focusDistance.max > focusDistance.min;
    return { torch: torch === true, focus: byHand ? focusDistance : null };
  }

  /** Switches the lamp beside the lens; false where the device refuses. */
  torch(on: boolean): Promise<boolean> {
    return this.#adjust({ torch: on });
  }

  /** Focuses at a distance of the range in `abilities`. */
  focus(distance: number): Promise<boolean> {
    return this.#adjust({ focusMode: "manual", focusDistance: distance });
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

/** The cameras of the device; they have names once one was allowed. */
export async function cameras(): Promise<MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId !== "");
}
