/**
 * A network at work, for explanations: the strip of a line, and what a layer makes of it. Call
 * `init` first.
 */
import { Explainer } from "./engine.js";
import { Held } from "./instance.js";

/**
 * The output of a layer, `[row][column][channel]`: codes of an integer network, or values from 0 up
 * of a float one.
 */
export interface LayerMaps {
  rows: number;
  columns: number;
  channels: number;
  values: Float32Array;
}

/** One network whose layers can be looked at. */
export class Looker {
  readonly #explainer: Held<Explainer>;

  /** Takes the bytes of a model file. */
  constructor(model: Uint8Array) {
    this.#explainer = new Held(() => new Explainer(model));
  }

  /**
   * The strip of a line, 24 rows of gray codes; `quad` is one of `quads` of a reading, `characters`
   * the length of its line.
   */
  strip(
    file: Uint8Array,
    quad: readonly (readonly [number, number])[],
    characters: number,
  ): Uint8Array {
    const corners = Float32Array.from(quad.flat());
    return this.#explainer.call((explainer) => explainer.strip(file, corners, characters));
  }

  /** What a layer makes of a strip. */
  look(strip: Uint8Array, layer: number): LayerMaps {
    return this.#explainer.call((explainer) => {
      const output = explainer.output(strip, layer);
      const { rows, columns, channels, values } = output;
      output.free();
      return { rows, columns, channels, values };
    });
  }

  /** Gives the network's memory back. */
  dispose(): void {
    this.#explainer.free();
  }
}
