/** What is known of what the layers of a graph read: moments where samples were observed, else the sign. */
import type { Graph, Node, ValueId } from "../graph/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { POSITIVE_INPUTS, SIGNED_INPUTS } from "./balanced-rounding.ts";
import { biasChanges } from "./bias-correction.ts";
import { InputMoments } from "./input-moments.ts";
import type { Observations } from "./observation.ts";
import { dequantizedWeights } from "./real-weights.ts";
import type { WeightInputs } from "./requantize-weights.ts";
import { nonNegativeValues } from "./signs.ts";
import { type WeightLayout, weightLayout } from "./weight-layout.ts";

export class LayerInputs {
  readonly #graph: Graph;
  readonly #positive: ReadonlySet<ValueId>;
  readonly #observed: Observations | undefined;

  /** @param graph as it was when it was observed */
  constructor(graph: Graph, observed: Observations | undefined) {
    this.#graph = graph;
    this.#positive = nonNegativeValues(graph);
    this.#observed = observed;
  }

  /** @param round how what the layer reads is rounded */
  momentsOf(node: Node, round?: (value: number) => number): InputMoments | undefined {
    const rows = this.#observed?.rows.get(node.outputs[0]!);
    return rows && new InputMoments(rows, round);
  }

  weightInputs(node: Node, moments: InputMoments | undefined): WeightInputs {
    if (moments !== undefined) return { moments, groupOf: this.#layoutOf(node).groupOf };
    return this.#positive.has(node.inputs[0]!) ? POSITIVE_INPUTS : SIGNED_INPUTS;
  }

  /** @param rounded what `weights` stand for from now on; undefined: as before */
  biasChanges(
    node: Node,
    weights: Tensor,
    rounded: Float32Array | undefined,
    moments: InputMoments,
  ): Float64Array {
    const layout = this.#layoutOf(node);
    const before = dequantizedWeights(weights, layout.channels, layout.depth);
    return biasChanges(layout, before, rounded ?? before, moments);
  }

  #layoutOf(node: Node): WeightLayout {
    const [x, w] = node.inputs as [ValueId, ValueId];
    const { values } = this.#graph;
    return weightLayout(node, values[x]!.type, values[w]!.type);
  }
}
