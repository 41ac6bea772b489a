/** How large float32 values of a network with minifloats can get, where that follows from the graph alone. */
import { isMinifloat, type Minifloat } from "../../formats/index.ts";
import { ABSENT, type Graph, type Node, oncePerGraph, type ValueId } from "../../graph/index.ts";
import { unitGrid } from "../../kernels/index.ts";
import { hasBlocks, inputUnit, isMinifloatLayer, layerMultipliers } from "../../operators/index.ts";
import { elementCount } from "../../tensor/index.ts";

/** What a value is rounded to. */
export interface UnitForm {
  readonly format: Minifloat;
  readonly scale: number;
}

/** Results in float32 grow by their roundings: sums of 2^17 numbers by less than this. */
const ROUNDINGS = 1.01;
/** A scale that a unit divides exactly. */
const LEAST_UNIT_SCALE = 2 ** -100;
/** What kernels round without a look at it, in units. */
const MOST_UNITS = 2 ** 22;
/** Sums of up to 2^60 such numbers are finite. Bounds do not fall from a node to the next: nor is any value in between above it. */
const MOST = 2 ** 60;

/** Kernels may round values up to `largest` to the form without looking for NaN and what is too large. */
export function isBounded(largest: number, { format, scale }: UnitForm): boolean {
  if (unitGrid(format) === undefined || scale < LEAST_UNIT_SCALE) return false;
  return largest < MOST && largest / (scale / inputUnit(format)!) < MOST_UNITS;
}

/** No |value| is above it, and none is NaN; Infinity: nothing is known. */
export function largestOf(graph: Graph, id: ValueId): number {
  return largestValues(graph).get(id) ?? Infinity;
}

const largestValues = oncePerGraph((graph) => {
  const found = new Map<ValueId, number>();
  // Nodes come behind those that they read from.
  for (const node of graph.nodes) {
    const largest = largestResult(graph, node, found);
    for (const id of node.outputs) found.set(id, largest);
  }
  return found;
});

/** @param known the bounds of values in front of the node */
function largestResult(graph: Graph, node: Node, known: ReadonlyMap<ValueId, number>): number {
  const of = (input: number): number => known.get(node.inputs[input]!) ?? Infinity;
  switch (node.operator.name) {
    case "Add":
    case "Sub":
      return (of(0) + of(1)) * ROUNDINGS;
    case "AveragePool2D":
    case "Mean":
      return of(0) * ROUNDINGS;
    case "MaxPool2D":
    case "Relu":
    case "Relu6":
    case "Reshape":
      return of(0);
    case "Conv2D":
    case "DepthwiseConv2D":
    case "FullyConnected":
      return largestSum(graph, node);
    default:
      return Infinity;
  }
}

/** Activations keep values or bring them nearer to 0. */
function largestSum({ values }: Graph, { operator, inputs, attributes }: Node): number {
  const [x, w, bias] = inputs.map((id) => (id === ABSENT ? undefined : values[id]!));
  const formats = [x!.type.format, w!.type.format];
  const areNumbers = formats.every((format) => isMinifloat(format) && !format.hasNaN);
  // Scales in blocks are not in the multipliers.
  if (!areNumbers || !isMinifloatLayer(x!.type, w!.type) || hasBlocks(w!.type)) return Infinity;
  if ((attributes as { accumulate?: unknown }).accumulate !== undefined) return Infinity;
  if (bias !== undefined && bias.constant === undefined) return Infinity;
  const channels = w!.type.shape[operator.name === "DepthwiseConv2D" ? 3 : 0]!;
  const depth = elementCount(w!.type.shape) / channels;
  const reach = depth * formats[0]!.max * formats[1]!.max;
  const biases = bias?.constant?.data as Float32Array | undefined;
  const each = layerMultipliers(x!.type, w!.type, channels).map(
    (m, c) => reach * m + Math.abs(biases?.[c] ?? 0),
  );
  return each.reduce((most, own) => Math.max(most, own), 0) * ROUNDINGS;
}
