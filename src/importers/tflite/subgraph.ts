/**
 * One subgraph: its tensors become values (ids are the file's tensor indices), its operators become
 * nodes in an order in which every value is written before it is read.
 */
import { locateError, ModelError, UnsupportedError } from "../../errors.ts";
import { ABSENT, type Node, type Value } from "../../graph/index.ts";
import { allocateTensor, elementCount } from "../../tensor/index.ts";
import { checkLimit, type Limits } from "../limits.ts";
import type { Table } from "./flatbuffer.ts";
import type { Missing } from "./missing.ts";
import { buildNode, type FileNode, readCalls, readIndices, readNode } from "./nodes.ts";
import { topologicalOrder } from "./order.ts";
import { SUBGRAPH } from "./schema.ts";
import { readTensor, type TensorRecord } from "./tensors.ts";

/** What all subgraphs of a file share. */
export interface ModelContext {
  readonly limits: Limits;
  readonly buffers: readonly Uint8Array[];
  readonly operatorNames: readonly string[];
  readonly subgraphCount: number;
  readonly missing: Missing;
}

export interface Subgraph {
  readonly name: string;
  readonly values: readonly Value[];
  /** Complete only if nothing is missing. */
  readonly nodes: readonly Node[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Subgraphs that operators of this one run. */
  readonly calls: readonly number[];
}

export function readSubgraph(context: ModelContext, table: Table, index: number): Subgraph {
  const { limits, missing } = context;
  const prefix = index === 0 ? "" : `subgraph ${index}, `;
  checkLimit(limits, "tensors", table.count(SUBGRAPH.tensors, 4));
  checkLimit(limits, "operators", table.count(SUBGRAPH.operators, 4));
  const tensors = table
    .tables(SUBGRAPH.tensors)
    .map((tensor, i) => readTensor(tensor, i, context.buffers, limits));
  const inputs = readIndices(table, SUBGRAPH.inputs, tensors.length, `${prefix}graph input`);
  const outputs = readIndices(table, SUBGRAPH.outputs, tensors.length, `${prefix}graph output`);
  const fileNodes = table
    .tables(SUBGRAPH.operators)
    .map((operator, i) => readNode(operator, i, context.operatorNames, tensors, prefix));

  const producers = findProducers(tensors, inputs, fileNodes);
  const order = orderNodes(fileNodes, producers, tensors);
  for (const id of outputs) {
    if (producers[id] === NOBODY) {
      throw new ModelError(`graph output: expected a source of ${tensors[id]!.label}, got none`);
    }
  }

  for (const id of inputs) missing.addTensor(`${prefix}graph input`, tensors[id]!);
  for (const id of outputs) missing.addTensor(`${prefix}graph output`, tensors[id]!);
  const calls: number[] = [];
  const nodes: Node[] = [];
  for (const i of order) {
    const fileNode = fileNodes[i]!;
    try {
      calls.push(...readCalls(fileNode, context.subgraphCount));
      const node = buildNode(fileNode, tensors, missing);
      if (node !== undefined) nodes.push(node);
    } catch (error) {
      if (error instanceof UnsupportedError) {
        for (const part of error.missing) missing.add(fileNode.label, part);
        continue;
      }
      const where = { format: "tflite", operatorIndex: i, operator: fileNode.typeName };
      throw locateError(error, fileNode.label, where);
    }
  }
  const values = tensors.map(({ value }, id) =>
    producers[id] === FILE && value.constant === undefined && elementCount(value.type.shape) === 0
      ? { ...value, constant: allocateTensor(value.type) }
      : value,
  );
  return { name: table.string(SUBGRAPH.name) ?? "", values, nodes, inputs, outputs, calls };
}

/** Who writes a tensor: a node's index, or one of these. */
const NOBODY = -1;
const CALLER = -2;
const FILE = -3;

/** Every tensor has at most one producer: the file, the caller, or one output of one node. */
function findProducers(
  tensors: readonly TensorRecord[],
  inputs: readonly number[],
  nodes: readonly FileNode[],
): Int32Array {
  const producers = Int32Array.from(tensors, ({ isGiven }) => (isGiven ? FILE : NOBODY));
  const claim = (id: number, producer: number, who: string): void => {
    if (producers[id] !== NOBODY) {
      throw new ModelError(
        `${who}: expected ${tensors[id]!.label} to have one source, got another: ${describe(producers[id]!, nodes)}`,
      );
    }
    producers[id] = producer;
  };
  inputs.forEach((id, i) => claim(id, CALLER, `graph input ${i}`));
  nodes.forEach((node, i) => node.outputs.forEach((id) => claim(id, i, node.label)));
  tensors.forEach(({ needsNoSource }, id) => {
    if (producers[id] === NOBODY && needsNoSource) producers[id] = FILE;
  });
  return producers;
}

function describe(producer: number, nodes: readonly FileNode[]): string {
  if (producer === FILE) return "its data in the file";
  return producer === CALLER ? "a graph input" : nodes[producer]!.label;
}

/** @throws ModelError an input that nothing writes, a cycle */
function orderNodes(
  nodes: readonly FileNode[],
  producers: Int32Array,
  tensors: readonly TensorRecord[],
): number[] {
  const predecessors = nodes.map((node) => {
    const written = node.inputs.filter((id) => id !== ABSENT);
    for (const id of written) {
      if (producers[id] === NOBODY) {
        throw new ModelError(
          `${node.label}: expected a source of input ${tensors[id]!.label}, got none`,
        );
      }
    }
    return written.map((id) => producers[id]!).filter((producer) => producer >= 0);
  });
  const result = topologicalOrder(nodes.length, (i) => predecessors[i]!);
  if ("cycle" in result) {
    const { label } = nodes[result.cycle]!;
    throw new ModelError(
      `${label}: expected inputs that do not depend on its own outputs, got a cycle`,
    );
  }
  return result.order;
}
