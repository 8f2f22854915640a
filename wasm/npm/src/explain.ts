/**
 * Shows a network at work: the strip of one line, and the output of each layer. Call `init` first.
 */
import { Explainer } from "./engine.js";
import { Held } from "./instance.js";
import { reading } from "./reading.js";
import { type Source, withGray } from "./source.js";

/**
 * The output of one layer as `[row][column][channel]`: codes for an integer network, values of at
 * least 0 for a float network.
 */
export interface LayerMaps {
  rows: number;
  columns: number;
  channels: number;
  values: Float32Array;
}

/** A network whose layers can be inspected. */
export class Looker {
  readonly #explainer: Held<Explainer>;

  /** Loads a network from the bytes of a model file. */
  constructor(model: Uint8Array) {
    this.#explainer = new Held(reading, () => new Explainer(model));
  }

  /**
   * Returns the strip of one line: 24 rows of gray codes. `quad` is one of the `quads` of a result,
   * `characters` the number of characters in that line.
   */
  strip(
    source: Source,
    quad: readonly (readonly [number, number])[],
    characters: number,
  ): Promise<Uint8Array> {
    const corners = Float32Array.from(quad.flat());
    return withGray(source, ({ width, height, gray }) =>
      this.#explainer.call((explainer) =>
        explainer.strip(width, height, gray, corners, characters),
      ),
    );
  }

  /** Returns the output of a layer for a strip. */
  look(strip: Uint8Array, layer: number): LayerMaps {
    return this.#explainer.call((explainer) => {
      const output = explainer.output(strip, layer);
      const { rows, columns, channels, values } = output;
      output.free();
      return { rows, columns, channels, values };
    });
  }

  /** Frees the network's memory. */
  dispose(): void {
    this.#explainer.free();
  }
}
