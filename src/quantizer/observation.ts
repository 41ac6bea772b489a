/** What a calibration finds out about a network (`src/model/calibration.ts`). */
import type { Graph, Node, ValueId } from "../graph/index.ts";
import type { InputRows } from "./input-rows.ts";

/** What a tensor held in several runs: a part of its values, and the largest magnitude of all. */
export interface Observation {
  readonly values: Float32Array;
  readonly largest: number;
}

export interface Observations {
  /** Of values that layers read. */
  readonly values: ReadonlyMap<ValueId, Observation>;
  /** What the filters of layers read, by the layer's output. */
  readonly rows: ReadonlyMap<ValueId, InputRows>;
}

/** Whether the bias of a layer can be replaced: there is none, or a constant one. */
export function hasOwnBias({ values }: Graph, { inputs }: Node): boolean {
  const bias = values[inputs[2] ?? -1];
  return bias === undefined || bias.constant !== undefined;
}
