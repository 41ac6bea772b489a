/**
 * In which form a layer with minifloat weights reads its input, and where that form is made: by the
 * EncodeMinifloat in front of it, if all readers of the codes want the same, else in front of the layer.
 * Pure functions of the graph and the machine, so that both ends find the same.
 */
import { isMinifloat, type Minifloat } from "../../formats/index.ts";
import {
  ABSENT,
  isOutput,
  type Node,
  oncePerGraph,
  readersOf,
  type ValueId,
} from "../../graph/index.ts";
import {
  chunkedRounding,
  type ChunkedRounding,
  decodeKernelOf,
  hasRoundKernel,
  type MinifloatOperand,
  minifloatOperands,
} from "../../kernels/index.ts";
import {
  type AccumulateAttributes,
  accumulatorOf,
  type Conv2DAttributes,
  inputUnit,
  isMinifloatLayer,
  layerMultipliers,
  weightUnit,
} from "../../operators/index.ts";
import { elementCount, type TensorType } from "../../tensor/index.ts";
import { hasDot, type LowerContext } from "./context.ts";

/** One step per group: with more of them the walk costs more than the products. */
const MAX_GROUPS = 1024;
/** Largest sum of integers; in float32 sums up to 2^24 are exact. */
const MAX_SUM = 2 ** 31 - 1;
const MAX_FLOAT_SUM = 2 ** 24;
/** Smallest normal float32. */
const MIN_NORMAL = 2 ** -126;

/** What a decision depends on. */
export type Sight = Pick<LowerContext, "graph" | "machine" | "forced">;

/** A pure function of a sight that is computed once for each. */
export function oncePerSight<T>(find: (sight: Sight) => T): (sight: Sight) => T {
  const known = oncePerGraph(() => new Map<string, { readonly found: T }>());
  return (sight) => {
    const { graph, machine, forced } = sight;
    const question = JSON.stringify([machine.isa, machine.dot, forced]);
    const entry = known(graph).get(question) ?? { found: find(sight) };
    known(graph).set(question, entry);
    return entry.found;
  };
}

/** The form of input 0 that the kernels of a layer read; undefined: no kernel takes the layer. */
export function operandOfLayer(sight: Sight, node: Node): MinifloatOperand | undefined {
  return canRead(sight, node.inputs[0]!) ? wantedOperand(sight, node) : undefined;
}

/** The same where the input can be made in every form. */
function wantedOperand(sight: Sight, node: Node): MinifloatOperand | undefined {
  const { graph } = sight;
  const [x, w, bias] = node.inputs.map((id) => (id === ABSENT ? undefined : graph.values[id]));
  if (x === undefined || w?.constant === undefined || !isMinifloatLayer(x.type, w.type)) {
    return undefined;
  }
  if (bias !== undefined && bias.constant === undefined) return undefined;
  const attributes = node.attributes as Conv2DAttributes;
  const isDepthwise = node.operator.name === "DepthwiseConv2D";
  const channels = w.type.shape[isDepthwise ? 3 : 0]!;
  const depth = elementCount(w.type.shape) / channels;
  if (attributes.accumulate !== undefined) {
    const format = x.type.format as Minifloat;
    const hasKernel =
      decodeKernelOf(format) !== undefined &&
      layerRounding(format, w.type.format as Minifloat, attributes.accumulate) !== undefined;
    return hasKernel ? "f32" : undefined;
  }
  if (node.operator.name === "Conv2D" && x.type.shape[3]! / w.type.shape[3]! > MAX_GROUPS) {
    return undefined;
  }
  return sumOperand(sight, x.type, w.type, { depth, channels, isDepthwise });
}

/** How the kernels round the sums of a layer; undefined: no kernel does. */
export function layerRounding(
  a: Minifloat,
  b: Minifloat,
  accumulate: AccumulateAttributes,
): ChunkedRounding | undefined {
  const { rounding, shift } = accumulate;
  return chunkedRounding({ a, b, accumulator: accumulatorOf(accumulate), rounding, shift });
}

interface Sum {
  readonly depth: number;
  readonly channels: number;
  readonly isDepthwise: boolean;
}

function sumOperand(
  { machine, forced }: Sight,
  x: TensorType,
  w: TensorType,
  { depth, channels, isDepthwise }: Sum,
): MinifloatOperand | undefined {
  const own = inputUnit(x.format);
  const unit = weightUnit(w);
  if (own === undefined || unit === undefined) return "f32";
  const largest = depth * x.format.max * own * w.format.max * unit;
  const isByte = Math.max(x.format.max * own, w.format.max * unit) <= 127;
  if (isDepthwise) {
    const hasQuads = hasDot(machine) && w.shape[3] === x.shape[3] && !isPlain(forced);
    if (hasQuads && isByte) return "x8";
    // Any order of float32 sums is exact below 2^24.
    return largest <= MAX_FLOAT_SUM ? "f32" : undefined;
  }
  const isNormal = layerMultipliers(x, w, channels).every((m) => m / unit / own >= MIN_NORMAL);
  if (largest > MAX_SUM || !isNormal) return undefined;
  if (!isByte) return "i16";
  return hasDot(machine) && forced?.endsWith("c2") !== true ? "x8" : "i8";
}

function isPlain(kernel: string | undefined): boolean {
  return kernel !== undefined && !kernel.endsWith("_relaxed");
}

/** float32, codes that a kernel decodes, or numbers that nobody reads as codes. */
function canRead(sight: Sight, id: ValueId): boolean {
  const { format } = sight.graph.values[id]!.type;
  if (!isMinifloat(format)) return format.name === "float32";
  return decodeKernelOf(format) !== undefined || wantedOperands(sight).get(id) !== undefined;
}

/** The form in which EncodeMinifloat leaves a value, in place of its codes; undefined: as codes. */
export function operandOfValue(sight: Sight, id: ValueId): MinifloatOperand | undefined {
  return readOperands(sight).get(id);
}

const wantedOperands = oncePerSight((sight) => madeOperands(sight, wantedOperand));
const readOperands = oncePerSight((sight) => madeOperands(sight, operandOfLayer));

/** @param operandOf what a layer reads */
function madeOperands(
  sight: Sight,
  operandOf: typeof operandOfLayer,
): ReadonlyMap<ValueId | undefined, MinifloatOperand | undefined> {
  const { nodes } = sight.graph;
  return new Map(nodes.map((node) => [node.outputs[0], madeOperand(sight, node, operandOf)]));
}

function madeOperand(
  sight: Sight,
  producer: Node,
  operandOf: typeof operandOfLayer,
): MinifloatOperand | undefined {
  const { graph } = sight;
  const id = producer.outputs[0]!;
  if (producer.operator.name !== "EncodeMinifloat" || isOutput(graph, id)) return undefined;
  if (!(producer.attributes as { saturates: boolean }).saturates) return undefined;
  const { format, quantization } = graph.values[id]!.type;
  if ((quantization?.scale.length ?? 1) !== 1) return undefined;
  if (!hasRoundKernel(format as Minifloat)) return undefined;
  const wanted = readersOf(graph, id).map((node) =>
    node.inputs.lastIndexOf(id) === 0 ? operandOf(sight, node) : undefined,
  );
  return wanted.every((operand) => operand === wanted[0]) ? wanted[0] : undefined;
}

/** Bytes of a value in a form. */
export function operandBytes({ shape }: TensorType, operand: MinifloatOperand): number {
  return elementCount(shape) * minifloatOperands[operand].elementBytes;
}

/** What flips an int8 of the form "x8": the dot of some machines reads its bytes as unsigned. */
export function operandFlip({ machine }: Pick<LowerContext, "machine">): 0 | 128 {
  return machine.dot === "usdot" ? 128 : 0;
}
