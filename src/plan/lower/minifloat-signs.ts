/** Which values of a network with minifloats are never below 0, where that follows from the graph alone. */
import { type Graph, type Node, oncePerGraph, type ValueId } from "../../graph/index.ts";
import { floatActivationRange, type OutputAttributes } from "../../operators/index.ts";

/** Activations that a clamp has left at 0 or above, also rounded, pooled and moved. */
export function isNeverNegative(graph: Graph, id: ValueId): boolean {
  return valuesNeverNegative(graph).has(id);
}

const valuesNeverNegative = oncePerGraph(({ nodes }) => {
  const found = new Set<ValueId>();
  // Nodes come behind those that they read from.
  for (const node of nodes) {
    if (isResultNeverNegative(node, found)) for (const id of node.outputs) found.add(id);
  }
  return found;
});

/** @param known the values in front of the node that are never negative */
function isResultNeverNegative(
  { operator, attributes, inputs }: Node,
  known: ReadonlySet<ValueId>,
): boolean {
  switch (operator.name) {
    case "Conv2D":
    case "DepthwiseConv2D":
    case "FullyConnected":
    case "Add":
      return floatActivationRange((attributes as OutputAttributes).activation).low >= 0;
    case "EncodeMinifloat":
    case "MaxPool2D":
    case "Reshape":
      return known.has(inputs[0]!);
    case "Concatenation":
      return inputs.every((input) => known.has(input));
    default:
      return false;
  }
}
