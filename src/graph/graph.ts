import type { Operator } from "../operators/index.ts";
import type { Tensor, TensorType } from "../tensor/index.ts";

/** Index into `Graph.values`. */
export type ValueId = number;
/** Stands for an optional input that is absent. */
export const ABSENT: ValueId = -1;

/** A tensor of the graph: constant (with data), graph input, or the output of one node. */
export interface Value {
  readonly name: string;
  readonly type: TensorType;
  readonly constant?: Tensor;
  /** The shape with −1 for every extent that the file leaves free, if there is one. */
  readonly dynamicShape?: readonly number[];
}

export interface Node {
  readonly name: string;
  readonly operator: Operator<never>;
  readonly attributes: unknown;
  /** Value ids; ABSENT for an optional input that is not given. */
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
}

/**
 * A network: nodes in an order in which every value is written before it is read. NHWC, weights
 * OHWI. Immutable: a pass returns a new graph.
 */
export interface Graph {
  readonly name: string;
  readonly values: readonly Value[];
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  /** Names for the caller, in the order of inputs and outputs; the values' own names if absent. */
  readonly inputNames?: readonly string[];
  readonly outputNames?: readonly string[];
  /** Free text of the file: description, metadata, signature names. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** A node with its attribute type checked against its operator. */
export function createNode<A>(
  name: string,
  operator: Operator<A>,
  attributes: A,
  inputs: readonly ValueId[],
  outputs: readonly ValueId[],
): Node {
  return { name, operator: operator as Operator<never>, attributes, inputs, outputs };
}

/** Names of the inputs for the caller, in their order. */
export function inputNamesOf(graph: Graph): readonly string[] {
  return graph.inputNames ?? graph.inputs.map((id) => graph.values[id]?.name ?? "");
}

/** Names of the outputs for the caller, in their order. */
export function outputNamesOf(graph: Graph): readonly string[] {
  return graph.outputNames ?? graph.outputs.map((id) => graph.values[id]?.name ?? "");
}
