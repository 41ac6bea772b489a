/**
 * Checks a graph and computes the type of every value from its inputs. After this pass the shapes
 * that a file states for intermediate values no longer matter.
 */
import { InputError, kindOf, locateError, ModelError, ShapeError } from "../errors.ts";
import { checkQuantization, scaleCount } from "../quantization/index.ts";
import { elementCount, sameShape, type Shape, type TensorType } from "../tensor/index.ts";
import { ABSENT, type Graph, inputNamesOf, type Node, type Value, type ValueId } from "./graph.ts";

/** `node 3 "conv_3" (Conv2D)`: how every message names a node. */
export function describeNode(graph: Graph, index: number): string {
  const node = graph.nodes[index]!;
  return `node ${index} "${node.name.slice(0, 80)}" (${node.operator.name})`;
}

/**
 * The graph with every value's type inferred.
 * @param inputShapes shapes that replace those of the graph inputs, by input name
 * @throws ModelError for structure, and whatever an operator's `infer` throws, with its place
 */
export function inferGraph(graph: Graph, inputShapes: Readonly<Record<string, Shape>> = {}): Graph {
  const values = graph.values.slice();
  applyInputShapes(graph, values, inputShapes);
  const written = new Array<boolean>(values.length).fill(false);
  for (const id of graph.inputs) written[checkedId(graph, id, "graph input")] = true;
  values.forEach((value, id) => {
    if (value.constant !== undefined || written[id]) checkValue(value);
    if (value.constant !== undefined) written[id] = true;
  });
  graph.nodes.forEach((node, index) => {
    try {
      inferNode(graph, node, values, written);
    } catch (error) {
      throw locateError(error, describeNode(graph, index), {
        operatorIndex: index,
        operator: node.operator.name,
      });
    }
  });
  for (const id of graph.outputs) {
    if (!written[checkedId(graph, id, "graph output")]) {
      throw new ModelError(
        `graph output "${values[id]!.name}": expected a value, nothing writes it`,
      );
    }
  }
  return { ...graph, values };
}

function inferNode(graph: Graph, node: Node, values: Value[], written: boolean[]): void {
  for (const id of node.inputs) {
    if (id === ABSENT) continue;
    if (!written[checkedId(graph, id, "input")]) {
      throw new ModelError(`expected input "${values[id]!.name}" to be written before it is read`);
    }
  }
  const types = node.inputs.map((id) => (id === ABSENT ? undefined : values[id]!.type));
  const constants = node.inputs.map((id) => (id === ABSENT ? undefined : values[id]!.constant));
  const declared = node.outputs.map((id) => values[checkedId(graph, id, "output")]!.type);
  const inferred = node.operator.infer(types, node.attributes as never, declared, constants);
  if (inferred.length !== node.outputs.length) {
    throw new ModelError(`expected ${inferred.length} outputs, got ${node.outputs.length}`);
  }
  node.outputs.forEach((id, i) => {
    if (written[id]) {
      throw new ModelError(`expected output "${values[id]!.name}" to be written once`);
    }
    written[id] = true;
    const value: Value = { ...values[id]!, type: inferred[i]! };
    checkValue(value);
    values[id] = value;
  });
}

function checkedId(graph: Graph, id: ValueId, what: string): ValueId {
  if (!Number.isInteger(id) || id < 0 || id >= graph.values.length) {
    throw new ModelError(
      `${what}: expected a value index below ${graph.values.length}, got ${String(id)}`,
    );
  }
  return id;
}

function checkValue(value: Value): void {
  try {
    elementCount(value.type.shape);
    const { quantization, format, shape } = value.type;
    if (quantization === undefined || format.kind === "float") return;
    checkQuantization(quantization, format);
    checkChannelCount(quantization.scale.length, quantization, shape);
  } catch (error) {
    throw locateError(error, `tensor "${value.name.slice(0, 80)}"`, { tensor: value.name });
  }
}

function checkChannelCount(
  scales: number,
  quantization: NonNullable<TensorType["quantization"]>,
  shape: Shape,
): void {
  if (quantization.granularity === "perTensor") return;
  const expected = scaleCount(quantization, shape);
  if (expected !== scales) {
    const unit = quantization.granularity === "perBlock" ? "block" : "channel";
    throw new ShapeError(
      `expected one scale per ${unit} of axis ${quantization.axis} (${String(expected)}), got ${scales}`,
    );
  }
}

function applyInputShapes(
  graph: Graph,
  values: Value[],
  inputShapes: Readonly<Record<string, Shape>>,
): void {
  const names = inputNamesOf(graph);
  for (const [name, shape] of Object.entries(inputShapes)) {
    const position = names.indexOf(name);
    if (position < 0) {
      throw new ModelError(`inputShapes: expected one of "${names.join('", "')}", got "${name}"`);
    }
    const id = graph.inputs[position]!;
    const value = values[id]!;
    if (!Array.isArray(shape)) {
      throw new InputError(`inputShapes["${name}"]: expected an array, got ${kindOf(shape)}`);
    }
    if (sameShape(value.type.shape, shape)) continue;
    if (shape.length !== value.type.shape.length) {
      throw new ShapeError(
        `inputShapes["${name}"]: expected rank ${value.type.shape.length}, got [${shape.join(", ")}]`,
      );
    }
    values[id] = { ...value, type: { ...value.type, shape: [...shape] } };
  }
}
