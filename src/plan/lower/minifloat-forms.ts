/**
 * Float32 values that are stored as what their readers round them to: units of FP6 E2M3 or FP4 E2M1, one
 * byte each, as the relaxed dot reads them.
 *
 *     Conv2D ─▶ y ─▶ MaxPool2D ─▶ p ─▶ EncodeMinifloat ─▶ codes ─▶ Conv2D
 *               └─ units ────────┴─ units ──────────────┴─ units
 *
 * A value takes the form if all its readers round it alike, or are operators that commute with rounding,
 * which keeps order and 0: they pick the largest value, or move values; and if its producer can make the
 * form. A pure function of the graph and the machine: every lowering that meets a value finds the same.
 */
import { int8, isMinifloat, uint8 } from "../../formats/index.ts";
import {
  ABSENT,
  isOutput,
  type Node,
  producerOf,
  readersOf,
  type ValueId,
} from "../../graph/index.ts";
import { unitGrid } from "../../kernels/index.ts";
import { inputUnit, isMinifloatLayer, type PoolAttributes } from "../../operators/index.ts";
import { f32, perTensor } from "../../quantization/index.ts";
import { elementCount, sameShape, type TensorType } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { isBounded, largestOf, type UnitForm } from "./minifloat-bounds.ts";
import {
  oncePerSight,
  operandFlip,
  operandOfLayer,
  operandOfValue,
  type Sight,
} from "./minifloat-operands.ts";
import { fitsPad } from "./pad.ts";
import { tableStep } from "./unary.ts";

/** The form of a value; undefined: it lies as its type says. */
export function unitFormOf(sight: Sight, id: ValueId): UnitForm | undefined {
  return unitForms(sight).get(id);
}

const unitForms = oncePerSight(findForms);

/** The types in which values in the form lie in memory: integers whose zero is what means 0. */
export function unitTypes(
  sight: Omit<Sight, "forced"> & { readonly forced?: string },
): Map<ValueId, TensorType> {
  const zero = operandFlip(sight);
  const format = zero === 0 ? int8 : uint8;
  const quantization = perTensor(1, zero);
  const ids = [...unitForms({ forced: undefined, ...sight }).keys()];
  return new Map(
    ids.map((id) => [id, { format, shape: sight.graph.values[id]!.type.shape, quantization }]),
  );
}

/** The form of output 0 of the context's node. */
export function outputForm(context: LowerContext): UnitForm | undefined {
  return unitFormOf(context, context.node.outputs[0]!);
}

/**
 * The EncodeMinifloat whose numbers the producer of a float32 value stores beside it. Others that read the
 * value round it by steps of their own.
 */
export function roundedBeside(sight: Sight, id: ValueId): Node | undefined {
  return nodesBeside(sight).get(id);
}

const nodesBeside = oncePerSight((sight) => {
  const found = new Map<ValueId, Node>();
  for (const node of sight.graph.nodes) {
    const id = node.outputs[0]!;
    if (node.operator.name !== "Add" || unitFormOf(sight, id) !== undefined) continue;
    const beside = readersOf(sight.graph, id).find((reader) => {
      if (reader.operator.name !== "EncodeMinifloat") return false;
      const form = encodedForm(sight, reader);
      return form !== undefined && canRound(sight, node, form);
    });
    if (beside !== undefined) found.set(id, beside);
  }
  return found;
});

function findForms(sight: Sight): ReadonlyMap<ValueId, UnitForm> {
  const { graph } = sight;
  const wanted = new Map<ValueId, UnitForm>();
  const askedBy = (node: Node): UnitForm | undefined =>
    node.operator.name === "EncodeMinifloat"
      ? encodedForm(sight, node)
      : commutes(sight, node)
        ? wanted.get(node.outputs[0]!)
        : undefined;
  // Readers come first: the form goes up from them.
  for (const node of graph.nodes.toReversed()) {
    for (const id of node.outputs) {
      const asked = readersOf(graph, id).map(askedBy);
      const [first] = asked;
      const isAsked = first !== undefined && asked.every((own) => sameForm(own, first));
      if (isAsked && !isOutput(graph, id)) wanted.set(id, first);
    }
  }
  // It holds only where producers can make it, which takes it from those beside and above them.
  const unsettled = new Set(wanted.keys());
  // A set is walked in the order of insertion, what is added meanwhile included.
  for (const id of unsettled) {
    unsettled.delete(id);
    const form = wanted.get(id);
    if (form === undefined) continue;
    const node = producerOf(graph, id)!;
    const isMoved = commutes(sight, node);
    const isMade = isMoved
      ? valueInputs(node).every((input) => sameForm(wanted.get(input), form))
      : canRound(sight, node, form);
    const readers = readersOf(graph, id);
    if (isMade && readers.every((reader) => sameForm(askedBy(reader), form))) continue;
    wanted.delete(id);
    const moved = readers.filter((reader) => commutes(sight, reader));
    for (const beside of moved) unsettled.add(beside.outputs[0]!);
    for (const above of isMoved ? valueInputs(node) : []) unsettled.add(above);
  }
  return wanted;
}

function sameForm(a: UnitForm | undefined, b: UnitForm): boolean {
  return a?.format === b.format && a.scale === b.scale;
}

/** What EncodeMinifloat in front of layers on the relaxed dot rounds to. */
export function encodedForm(sight: Sight, node: Node): UnitForm | undefined {
  const id = node.outputs[0]!;
  if (operandOfValue(sight, id) !== "x8") return undefined;
  const { format, quantization } = sight.graph.values[id]!.type;
  const scale = quantization?.scale[0] ?? 1;
  return isMinifloat(format) ? { format, scale } : undefined;
}

/** The inputs of an operator that commutes: the border of Pad is a constant. */
function valueInputs({ operator, inputs }: Node): readonly ValueId[] {
  return operator.name === "Concatenation" ? inputs : inputs.slice(0, 1);
}

function commutes({ graph }: Sight, { operator, inputs, outputs, attributes }: Node): boolean {
  const type = (id: ValueId) => graph.values[id]!.type;
  if (outputs.length !== 1 || type(outputs[0]!).format.name !== "float32") return false;
  if (elementCount(type(outputs[0]!).shape) === 0) return false;
  switch (operator.name) {
    case "Concatenation":
      return true;
    case "MaxPool2D":
      return (attributes as PoolAttributes).activation === "none";
    case "Reshape":
    case "Squeeze":
    case "ExpandDims":
      return graph.values[inputs[0]!]!.constant === undefined;
    case "Pad":
      return (inputs[1] ?? ABSENT) === ABSENT && fitsPad(type(inputs[0]!), attributes as never);
    default:
      return false;
  }
}

/** Producers that round what they store. Their values are never NaN, so that the largest one is defined. */
function canRound(sight: Sight, node: Node, form: UnitForm): boolean {
  const { graph } = sight;
  const [x, w, bias] = node.inputs.map((id) => (id === ABSENT ? undefined : graph.values[id]!));
  if (node.operator.name === "Dequantize") {
    const { format, quantization } = x!.type;
    const isByte = format.name === "int8" || format.name === "uint8";
    return isByte && quantization?.scale.length === 1;
  }
  if (node.operator.name === "Add") {
    const { shape } = graph.values[node.outputs[0]!]!.type;
    const isWhole = [x!, w!].every((own) => sameShape(own.type.shape, shape));
    const isEmpty = elementCount(shape) === 0;
    return isWhole && !isEmpty && isBounded(largestOf(graph, node.outputs[0]!), form);
  }
  if (!["Conv2D", "DepthwiseConv2D", "FullyConnected"].includes(node.operator.name)) return false;
  if (unitGrid(form.format) === undefined) return false;
  if (!isMinifloatLayer(x!.type, w!.type) || operandOfLayer(sight, node) !== "x8") return false;
  const biases = bias?.constant?.data as Float32Array | undefined;
  return biases?.every(Number.isFinite) ?? true;
}

/** Dequantize of an input of the network and the rounding of its result, as one look-up. */
export function lookUpUnits(context: LowerContext): boolean {
  const form = outputForm(context);
  if (form === undefined) return false;
  const x = context.inputs[0]!;
  const { format, scale } = form;
  const [from, zeroPoint] = [x.quantization!.scale[0]!, x.quantization!.zeroPoint[0]!];
  const flip = operandFlip(context);
  const table = Uint8Array.from({ length: 256 }, (_, code) => {
    const own = x.format.name === "int8" ? (code << 24) >> 24 : code;
    const rounded = format.encode(f32(f32(from * (own - zeroPoint)) / scale), true);
    return (format.decode(rounded) * inputUnit(format)!) ^ flip;
  });
  tableStep(context, table, context.output(0), format.name);
  return true;
}
