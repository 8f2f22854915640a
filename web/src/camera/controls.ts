/** The camera's controls. Those that the camera lacks are hidden. */
import { cameras, type Camera } from "nibble-mrz/parts";
import { at, el } from "../dom";
import { t } from "../messages";
import type { Signal } from "./signal";

/** Controls for the choice of camera, its lamp, its focus and the signal of success. */
export class Controls {
  readonly #camera: Camera;
  readonly #pick = at<HTMLSelectElement>("camera-pick");
  readonly #torch = at("torch");
  readonly #focus = at<HTMLInputElement>("focus");

  constructor(camera: Camera, signal: Signal, choose: (device: string) => void) {
    this.#camera = camera;
    this.#pick.addEventListener("change", () => choose(this.#pick.value));
    this.#torch.addEventListener("click", async () => {
      const on = this.#torch.getAttribute("aria-pressed") !== "true";
      if (await camera.torch(on)) this.#torch.setAttribute("aria-pressed", String(on));
    });
    this.#focus.addEventListener("input", () => void camera.focus(this.#focus.valueAsNumber));
    const sound = at("sound");
    sound.addEventListener("click", () => {
      signal.muted = !signal.muted;
      sound.setAttribute("aria-pressed", String(!signal.muted));
    });
  }

  /** Shows the controls that the camera just started has. */
  async refresh(): Promise<void> {
    const { torch, focus } = this.#camera.abilities();
    this.#torch.hidden = !torch;
    this.#torch.setAttribute("aria-pressed", "false");
    at("focus-label").hidden = focus === null;
    if (focus !== null) {
      this.#focus.min = String(focus.min);
      this.#focus.max = String(focus.max);
      this.#focus.step = String(focus.step);
    }
    const devices = await cameras();
    at("camera-pick-label").hidden = devices.length < 2;
    this.#pick.replaceChildren(
      ...devices.map(({ deviceId, label }, index) =>
        el("option", { value: deviceId }, label || `${t("cameraPick")} ${index + 1}`),
      ),
    );
    if (this.#camera.device !== undefined) this.#pick.value = this.#camera.device;
  }
}
