/** Which node writes a value and which nodes read it: found once for a graph, however many nodes ask. */
import type { Graph, Node, ValueId } from "./graph.ts";

/** A pure function of a graph that is computed once for each graph. */
export function oncePerGraph<T>(find: (graph: Graph) => T): (graph: Graph) => T {
  const known = new WeakMap<Graph, { readonly found: T }>();
  return (graph) => {
    const entry = known.get(graph) ?? { found: find(graph) };
    known.set(graph, entry);
    return entry.found;
  };
}

const linksOf = oncePerGraph(({ nodes, outputs }) => {
  const producers = new Map<ValueId, Node>();
  const readers = new Map<ValueId, Node[]>();
  for (const node of nodes) {
    for (const id of node.outputs) producers.set(id, node);
    for (const id of node.inputs) {
      const own = readers.get(id) ?? [];
      // A node may read a value twice.
      if (own.at(-1) !== node) own.push(node);
      readers.set(id, own);
    }
  }
  return { producers, readers, outputs: new Set(outputs) };
});

/** The node that writes a value; undefined: it is an input or a constant, or ABSENT. */
export function producerOf(graph: Graph, id: ValueId): Node | undefined {
  return linksOf(graph).producers.get(id);
}

/** The nodes that read a value, each once, in their order. */
export function readersOf(graph: Graph, id: ValueId): readonly Node[] {
  return linksOf(graph).readers.get(id) ?? [];
}

/** The value is a result of the network. */
export function isOutput(graph: Graph, id: ValueId): boolean {
  return linksOf(graph).outputs.has(id);
}
