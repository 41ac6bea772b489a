/**
 * Functions of one 8-bit code become one look-up: x · logistic(x), relu6(x + 3) · (1 / 6) · x, and
 * every other expression whose operands are one value and constants that are the same everywhere, also
 * where it goes through float32. The table is the expression's own `reference()` on all 256 codes, so
 * that no bit changes.
 */
import {
  add,
  cast,
  dequantize,
  div,
  elu,
  gelu,
  hardSwish,
  leakyRelu,
  logistic,
  maximum,
  minimum,
  mul,
  type Operator,
  quantize,
  relu,
  relu6,
  reluN1To1,
  sqrt,
  sub,
  tableLookup,
  tanh,
} from "../../operators/index.ts";
import type { Rounding } from "../../quantization/index.ts";
import {
  elementCount,
  sameShape,
  type Tensor,
  type TensorData,
  tensorFromBytes,
  type TensorType,
} from "../../tensor/index.ts";
import { createNode, type Graph, type Node, type ValueId } from "../graph.ts";

/** Operators whose result at a place depends on their operands at that place alone. */
const ELEMENTWISE: ReadonlySet<Operator<never>> = new Set<Operator<never>>([
  ...[add, sub, mul, div, maximum, minimum],
  ...[logistic, tanh, hardSwish, relu, relu6, reluN1To1, leakyRelu, elu, gelu, sqrt],
  ...[quantize, dequantize, cast],
]);

/** A value whose element is that of `table` at the byte of `root`; a root has itself and no table. */
interface CodeFunction {
  readonly root: ValueId;
  readonly table?: Tensor;
}

const IDENTITY = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/**
 * The graph with such expressions fused and the nodes that nothing needs any more left out. Values
 * keep their ids.
 * @param graph a graph whose types are inferred
 */
export function fuseTables(graph: Graph, rounding: Rounding): Graph {
  const functions = new Map<ValueId, CodeFunction>();
  const nodes = graph.nodes.map((node) => {
    const [operands, root] = operandsOf(graph, node, functions);
    if (root === undefined) return node;
    const output = node.outputs[0]!;
    const table = evaluate(graph, node, operands, rounding);
    functions.set(output, { root, table });
    // A function of the code alone that is no expression has a look-up of its own.
    const isFused = operands.some((operand) => !isFunction(operand) || operand.table !== undefined);
    const isSquare = operands.length === 2 && operands.every(isFunction);
    return isCode(table.type) && (isFused || isSquare)
      ? createNode(node.name, tableLookup, { table: bytesOf(table) }, [root], [output])
      : node;
  });
  return { ...graph, nodes: withoutUnused(graph, nodes, functions) };
}

type Operand = CodeFunction | Tensor;

function isFunction(operand: Operand): operand is CodeFunction {
  return "root" in operand;
}

function isCode({ format }: TensorType): boolean {
  return format.name === "int8" || format.name === "uint8";
}

function isCodeOrFloat(type: TensorType): boolean {
  return isCode(type) || type.format.name === "float32";
}

/** Bit for bit: 0 and −0 are not the same. */
function isSameEverywhere({ type, data }: Tensor): boolean {
  const isSingle = (type.quantization?.scale.length ?? 1) === 1;
  return (
    isSingle && data.length > 0 && data.every((element: unknown) => Object.is(element, data[0]))
  );
}

/** The operands of a node that is a function of one code, and the value of that code. */
function operandsOf(
  graph: Graph,
  node: Node,
  functions: ReadonlyMap<ValueId, CodeFunction>,
): [operands: readonly Operand[], root: ValueId | undefined] {
  const none: [readonly Operand[], undefined] = [[], undefined];
  if (!ELEMENTWISE.has(node.operator) || node.outputs.length !== 1) return none;
  const y = graph.values[node.outputs[0]!]!.type;
  if (!isCodeOrFloat(y) || elementCount(y.shape) === 0) return none;
  const operands: Operand[] = [];
  const roots = new Set<ValueId>();
  for (const id of node.inputs) {
    const value = graph.values[id];
    if (value === undefined || !isCodeOrFloat(value.type)) return none;
    const { constant, type } = value;
    if (constant !== undefined && isSameEverywhere(constant)) {
      const data = constant.data.slice(0, 1) as TensorData;
      operands.push({ type: { ...type, shape: [] }, data });
    } else if (constant === undefined && sameShape(type.shape, y.shape)) {
      const operand = functions.get(id) ?? (isCode(type) ? { root: id } : undefined);
      if (operand === undefined) return none;
      operands.push(operand);
      roots.add(operand.root);
    } else {
      return none;
    }
  }
  return roots.size === 1 ? [operands, [...roots][0]] : none;
}

/** The node's output for all 256 bytes of the root. */
function evaluate(
  graph: Graph,
  node: Node,
  operands: readonly Operand[],
  rounding: Rounding,
): Tensor {
  const every = (id: ValueId): TensorType => ({ ...graph.values[id]!.type, shape: [256] });
  const inputs = operands.map((operand, i) =>
    isFunction(operand)
      ? (operand.table ?? tensorFromBytes(every(node.inputs[i]!), IDENTITY))
      : operand,
  );
  const outputs = [every(node.outputs[0]!)];
  return node.operator.reference(inputs, node.attributes as never, { rounding, outputs })[0]!;
}

function bytesOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, 256).slice();
}

/** Without the functions of a code that no other node and no output reads. */
function withoutUnused(
  graph: Graph,
  nodes: readonly Node[],
  functions: ReadonlyMap<ValueId, CodeFunction>,
): Node[] {
  const needed = new Set(graph.outputs);
  const kept: Node[] = [];
  for (const node of nodes.toReversed()) {
    const isUnused = node.outputs.every((id) => functions.has(id) && !needed.has(id));
    if (isUnused) continue;
    for (const id of node.inputs) needed.add(id);
    kept.push(node);
  }
  return kept.toReversed();
}
