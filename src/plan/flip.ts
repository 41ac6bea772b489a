/**
 * Which int8 values lie in memory with their top bit flipped: as uint8, every code and the zero point 128
 * higher. The relaxed dot of class `usdot` reads its second operand as unsigned; a value that is stored
 * so needs no pass that flips it before every product, and pointwise layers read its rows where they lie.
 *
 * The operators below give the same real numbers from such operands, bit for bit. Values that must be
 * flipped together (operands of an Add) form a class; a class with a member that anything else reads or
 * writes, the ends of the network included, stays as it is.
 */
import { uint8 } from "../formats/index.ts";
import { ABSENT, type Graph, type Node, type ValueId } from "../graph/index.ts";
import { type Activation, activationRange } from "../operators/index.ts";
import { perTensor } from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";

/** Input 0 and output 0 are read and written in either form, each for itself. */
const PRODUCTS: ReadonlySet<string> = new Set(["Conv2D", "DepthwiseConv2D", "FullyConnected"]);
const TABLES: ReadonlySet<string> = new Set(
  ["TableLookup", "Quantize", "Logistic", "Tanh", "HardSwish", "Relu", "Relu6", "ReluN1To1"].concat(
    ["LeakyRelu", "Elu", "Gelu", "Sqrt"],
  ),
);
/** All operands are in one form. */
const TOGETHER: ReadonlySet<string> = new Set(
  ["Add", "Sub", "Mul", "MaxPool2D", "Mean", "Concatenation", "Pad", "Reshape", "Squeeze"].concat(
    ["ExpandDims", "Transpose", "Slice", "StridedSlice", "Split", "Pack", "Unpack"],
    ["SpaceToDepth", "DepthToSpace"],
  ),
);

/** The types in which the flipped values are stored. */
export function flippedTypes(graph: Graph): ReadonlyMap<ValueId, TensorType> {
  const classes = new Classes(graph.values.length);
  const kept = new Set<ValueId>([...graph.inputs, ...graph.outputs]);
  const gains = new Set<ValueId>();
  graph.values.forEach(({ constant }, id) => {
    if (constant !== undefined) kept.add(id);
  });
  for (const node of graph.nodes) {
    const operands = [...node.inputs, ...node.outputs].filter(
      (id) => id !== ABSENT && graph.values[id]!.type.format.name === "int8",
    );
    const { name } = node.operator;
    if (PRODUCTS.has(name) && isProduct(graph, node)) {
      if (operands.includes(node.inputs[0]!)) gains.add(node.inputs[0]!);
    } else if (TOGETHER.has(name)) operands.forEach((id) => classes.join(id, operands[0]!));
    else if (!TABLES.has(name) || !isTable(graph, node)) operands.forEach((id) => kept.add(id));
    for (const id of node.outputs) if (!keepsRange(graph, node, id)) kept.add(id);
  }
  const types = new Map<ValueId, TensorType>();
  const keptClasses = classes.of(kept);
  const gainingClasses = classes.of(gains);
  graph.values.forEach(({ type }, id) => {
    const root = classes.root(id);
    if (gainingClasses.has(root) && !keptClasses.has(root)) types.set(id, flippedType(type));
  });
  return types;
}

/** Weights of int8 and nothing else that could call for a rule of its own. */
function isProduct({ values }: Graph, { inputs }: Node): boolean {
  const weights = values[inputs[1] ?? ABSENT];
  const bias = values[inputs[2] ?? ABSENT];
  return (
    weights?.constant !== undefined &&
    weights.type.format.name === "int8" &&
    (bias === undefined || bias.constant !== undefined)
  );
}

/** Quantize from float32 or to fewer bits is none. */
function isTable({ values }: Graph, { inputs, outputs }: Node): boolean {
  return [inputs[0]!, outputs[0]!].every((id) => values[id]!.type.format.bits === 8);
}

/** One scale; and the codes that a fused activation leaves are 128 higher, its rounding included. */
function keepsRange({ values }: Graph, { attributes }: Node, id: ValueId): boolean {
  const { type } = values[id]!;
  if (type.format.name !== "int8") return true;
  if (type.quantization?.granularity !== "perTensor") return false;
  const { activation } = attributes as { activation?: Activation };
  if (activation === undefined) return true;
  const range = activationRange(activation, type, "fp32");
  const moved = activationRange(activation, flippedType(type), "fp32");
  return moved.low === range.low + 128 && moved.high === range.high + 128;
}

function flippedType(type: TensorType): TensorType {
  const { scale, zeroPoint } = type.quantization!;
  return { ...type, format: uint8, quantization: perTensor(scale[0]!, zeroPoint[0]! + 128) };
}

/** Disjoint sets of values. */
class Classes {
  readonly #parents: Int32Array;

  constructor(count: number) {
    this.#parents = Int32Array.from({ length: count }, (_, id) => id);
  }

  root(id: ValueId): ValueId {
    while (this.#parents[id] !== id) id = this.#parents[id] = this.#parents[this.#parents[id]!]!;
    return id;
  }

  join(a: ValueId, b: ValueId): void {
    this.#parents[this.root(a)] = this.root(b);
  }

  of(ids: Iterable<ValueId>): Set<ValueId> {
    return new Set(Array.from(ids, (id) => this.root(id)));
  }
}
