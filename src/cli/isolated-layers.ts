/**
 * A network whose layers are each computed once more, re-quantized, from the same inputs: what a layer's
 * own rounding does, without that of the layers before it.
 *
 *     x ──┬──────────────────▶ layer of the network ──▶ y ──▶ …
 *         └──▶ codes of x ──▶ re-quantized layer ─────▶ y'
 */
import { ABSENT, type Graph, type ValueId } from "../graph/index.ts";

export interface IsolatedLayers {
  /** Its outputs are y' of the layers, in their order. */
  readonly graph: Graph;
  readonly outputs: readonly ValueId[];
}

/**
 * @param network before re-quantization; values of both graphs that are no constants have the same ids
 * @param layers ids of the outputs of layers
 */
export function isolateLayers(
  network: Graph,
  rewritten: Graph,
  layers: readonly ValueId[],
): IsolatedLayers {
  const offset = network.values.length;
  const wanted = new Set(layers);
  const known = new Set([...network.inputs, ...network.nodes.flatMap(({ outputs }) => outputs)]);
  const nodes = network.nodes.slice();
  for (const node of rewritten.nodes) {
    // What the network does not compute stands between its values and a layer.
    if (!node.outputs.some((id) => wanted.has(id) || !known.has(id))) continue;
    const inputs = node.inputs.map((id) => (id === ABSENT || known.has(id) ? id : id + offset));
    nodes.push({ ...node, inputs, outputs: node.outputs.map((id) => id + offset) });
  }
  const values = [
    ...network.values,
    ...rewritten.values.map((value) => ({ ...value, name: `${value.name}/isolated` })),
  ];
  const outputs = layers.map((id) => id + offset);
  const graph = { ...network, values, nodes, outputs, outputNames: outputs.map(String) };
  return { graph, outputs };
}
