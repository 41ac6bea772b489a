/** Which values of a network with minifloats are never below 0, where that follows from the graph alone. */
import { ABSENT, type Graph, type ValueId } from "../../graph/index.ts";
import { floatActivationRange, type OutputAttributes } from "../../operators/index.ts";

/** Activations that a clamp has left at 0 or above, also rounded, pooled and moved. */
export function isNeverNegative(graph: Graph, id: ValueId): boolean {
  const node = graph.nodes.find(({ outputs }) => outputs.includes(id));
  switch (node?.operator.name) {
    case "Conv2D":
    case "DepthwiseConv2D":
    case "FullyConnected":
    case "Add":
      return floatActivationRange((node.attributes as OutputAttributes).activation).low >= 0;
    case "EncodeMinifloat":
    case "MaxPool2D":
    case "Reshape":
      return isNeverNegative(graph, node.inputs[0]!);
    case "Concatenation":
      return node.inputs.every((input) => input !== ABSENT && isNeverNegative(graph, input));
    default:
      return false;
  }
}
