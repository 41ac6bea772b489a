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
import { ABSENT, type Graph, type Node, type ValueId } from "../../graph/index.ts";
import { unitGrid } from "../../kernels/index.ts";
import { inputUnit, isMinifloatLayer, type PoolAttributes } from "../../operators/index.ts";
import { f32, perTensor } from "../../quantization/index.ts";
import { elementCount, sameShape, type TensorType } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { isBounded, largestOf, type UnitForm } from "./minifloat-bounds.ts";
import { operandFlip, operandOfLayer, operandOfValue, type Sight } from "./minifloat-operands.ts";
import { fitsPad } from "./pad.ts";
import { tableStep } from "./unary.ts";

type Forms = ReadonlyMap<ValueId, UnitForm>;

const known = new WeakMap<Graph, Map<string, Forms>>();

/** The form of a value; undefined: it lies as its type says. */
export function unitFormOf(sight: Sight, id: ValueId): UnitForm | undefined {
  return unitForms(sight).get(id);
}

function unitForms(sight: Sight): Forms {
  const { graph, machine, forced } = sight;
  const question = JSON.stringify([machine.isa, machine.dot, forced]);
  const ofGraph = known.get(graph) ?? new Map<string, Forms>();
  known.set(graph, ofGraph);
  const forms = ofGraph.get(question) ?? findForms(sight);
  ofGraph.set(question, forms);
  return forms;
}

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
  const { nodes } = sight.graph;
  const producer = nodes.find(({ outputs }) => outputs.includes(id));
  if (producer?.operator.name !== "Add" || unitFormOf(sight, id) !== undefined) return undefined;
  return nodes.find((reader) => {
    const form =
      reader.operator.name === "EncodeMinifloat" && reader.inputs[0] === id
        ? encodedForm(sight, reader)
        : undefined;
    return form !== undefined && canRound(sight, producer, form);
  });
}

function findForms(sight: Sight): Forms {
  const { graph } = sight;
  const wanted = new Map<ValueId, UnitForm>();
  const producers = new Map<ValueId, Node>();
  const readers = new Map<ValueId, Node[]>();
  for (const node of graph.nodes) {
    for (const id of node.outputs) producers.set(id, node);
    for (const id of new Set(node.inputs)) readers.set(id, [...(readers.get(id) ?? []), node]);
  }
  const askedBy = (node: Node): UnitForm | undefined =>
    node.operator.name === "EncodeMinifloat"
      ? encodedForm(sight, node)
      : commutes(sight, node)
        ? wanted.get(node.outputs[0]!)
        : undefined;
  // Readers come first: the form goes up from them.
  for (const node of graph.nodes.toReversed()) {
    for (const id of node.outputs) {
      const asked = (readers.get(id) ?? []).map(askedBy);
      const [first] = asked;
      const isAsked = first !== undefined && asked.every((own) => sameForm(own, first));
      if (isAsked && !graph.outputs.includes(id)) wanted.set(id, first);
    }
  }
  // It holds only where producers can make it, which takes it from those beside and above them.
  for (let isSettled = false; !isSettled;) {
    isSettled = true;
    for (const [id, form] of wanted) {
      const node = producers.get(id)!;
      const isMade = commutes(sight, node)
        ? valueInputs(node).every((input) => sameForm(wanted.get(input), form))
        : canRound(sight, node, form);
      const isRead = readers.get(id)!.every((reader) => sameForm(askedBy(reader), form));
      if (isMade && isRead) continue;
      wanted.delete(id);
      isSettled = false;
    }
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
