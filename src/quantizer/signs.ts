/** Which values of a network are never negative. */
import type { Graph, Node, ValueId } from "../graph/index.ts";
import { type Activation, floatActivationRange } from "../operators/index.ts";

/** Operators whose results are not negative, whatever they read. */
const POSITIVE = new Set(["Relu", "Relu6", "Logistic", "Softmax"]);

/** Operators that give what they read, means, sums or products of it, or 0. */
const KEEPING = new Set([
  ...["MaxPool2D", "AveragePool2D", "Mean", "Sum", "Add", "Mul", "Maximum", "Minimum"],
  ...["Concatenation", "Pad", "Reshape", "Squeeze", "ExpandDims", "Transpose", "Slice"],
  ...["StridedSlice", "Split", "Pack", "Unpack", "ResizeBilinear", "ResizeNearestNeighbor"],
  ...["SpaceToDepth", "DepthToSpace", "Quantize", "Dequantize"],
]);

/** Ids of values that cannot be negative: by the operators behind them, or by a zero point on the first code. */
export function nonNegativeValues({ values, nodes }: Graph): Set<ValueId> {
  const found = new Set<ValueId>();
  values.forEach(({ constant, type: { format, quantization } }, id) => {
    const isReal = constant !== undefined && format.name === "float32";
    if (isReal && (constant.data as Float32Array).every((value) => value >= 0)) found.add(id);
    if (quantization?.zeroPoint.every((zeroPoint) => zeroPoint <= format.min)) found.add(id);
  });
  for (const node of nodes) {
    if (isNonNegative(node, found)) for (const id of node.outputs) found.add(id);
  }
  return found;
}

function isNonNegative({ operator: { name }, attributes, inputs }: Node, found: Set<ValueId>) {
  const { activation = "none" } = attributes as { activation?: Activation };
  if (POSITIVE.has(name) || floatActivationRange(activation).low >= 0) return true;
  if (!KEEPING.has(name)) return false;
  return inputs.every((id) => found.has(id));
}
