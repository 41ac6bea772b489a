/** A graph in the making: nodes are added one after the other, constants replaced where nothing else reads them. */
import { ABSENT, type Graph, type Node, type Value, type ValueId } from "../graph/index.ts";
import type { Tensor } from "../tensor/index.ts";

export class GraphEdit {
  /** Those of the graph, and new ones behind. */
  readonly values: Value[];
  /** Of the new graph, so far. */
  readonly nodes: Node[] = [];
  readonly #graph: Graph;
  /** How many nodes read a value: a constant of one reader is replaced where it stands. */
  readonly #readers: Int32Array;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.values = graph.values.slice();
    this.#readers = new Int32Array(graph.values.length);
    for (const id of [...graph.outputs, ...graph.nodes.flatMap(({ inputs }) => inputs)]) {
      if (id !== ABSENT) this.#readers[id]!++;
    }
  }

  add(value: Value): ValueId {
    return this.values.push(value) - 1;
  }

  /** The constant in place of the old one, or beside it where other nodes read that. */
  constant(id: ValueId, constant: Tensor): ValueId {
    const value: Value = { name: this.values[id]!.name, type: constant.type, constant };
    if (this.#readers[id]! > 1) return this.add(value);
    this.values[id] = value;
    return id;
  }

  /** The bias of a node in place of the old one, or of none. */
  bias({ name }: Node, bias: ValueId, constant: Tensor): ValueId {
    if (bias !== ABSENT) return this.constant(bias, constant);
    return this.add({ name: `${name}/bias`, type: constant.type, constant });
  }

  /** Adds the node with other inputs; those that are not given are its own. */
  addNode(node: Node, inputs: readonly ValueId[]): void {
    this.nodes.push({ ...node, inputs: [...inputs, ...node.inputs.slice(inputs.length)] });
  }

  result(): Graph {
    return { ...this.#graph, values: this.values, nodes: this.nodes };
  }
}
