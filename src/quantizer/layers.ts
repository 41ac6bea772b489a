/** Which layers of a network are re-quantized. */
import { ABSENT, type Graph, type Node } from "../graph/index.ts";
import {
  conv2D,
  depthwiseConv2D,
  fullyConnected,
  type Operator,
  transposeConv,
} from "../operators/index.ts";

/** Operators with weights: what "first" and "last" count. */
const WEIGHTED: ReadonlySet<Operator<never>> = new Set<Operator<never>>([
  ...[conv2D, depthwiseConv2D, transposeConv, fullyConnected],
]);

const ENCODED: ReadonlySet<Operator<never>> = new Set<Operator<never>>([
  ...[conv2D, depthwiseConv2D, fullyConnected],
]);

/** Every node that has weights. */
export function weightedLayers(graph: Graph): Node[] {
  return graph.nodes.filter(({ operator }) => WEIGHTED.has(operator));
}

/**
 * The convolutions and fully connected layers with constant weights, but depthwise ones: their few
 * weights suffer most and save nothing.
 * @param keepFirstLast leave out layers that no layer precedes, and layers that no layer follows
 */
export function layersToRequantize(graph: Graph, keepFirstLast: boolean): Set<Node> {
  return chosenOf(
    graph,
    graph.nodes.filter((node) => isCandidate(graph, node)),
    keepFirstLast,
  );
}

/** The layers that a network in minifloats has as such: those in float32 with constant weights. */
export function layersToEncode(graph: Graph, keepFirstLast: boolean): Set<Node> {
  const isEncoded = ({ operator, inputs }: Node): boolean => {
    const w = graph.values[inputs[1] ?? ABSENT];
    return (
      ENCODED.has(operator) &&
      w?.constant !== undefined &&
      w.type.format.name === "float32" &&
      graph.values[inputs[0]!]!.type.format.name === "float32"
    );
  };
  return chosenOf(graph, graph.nodes.filter(isEncoded), keepFirstLast);
}

/** Nodes that no layer precedes: what they read are inputs of the network, or computed from those alone. */
export function firstLayers({ nodes }: Graph): Set<Node> {
  const followers = nodesBehindLayers(nodes, (node) => [node.inputs, node.outputs]);
  return new Set(nodes.filter((node) => !followers.has(node)));
}

function chosenOf(graph: Graph, chosen: readonly Node[], keepFirstLast: boolean): Set<Node> {
  if (!keepFirstLast) return new Set(chosen);
  const followers = nodesBehindLayers(graph.nodes, (node) => [node.inputs, node.outputs]);
  const leaders = nodesBehindLayers(graph.nodes.toReversed(), (node) => [
    node.outputs,
    node.inputs,
  ]);
  return new Set(chosen.filter((node) => followers.has(node) && leaders.has(node)));
}

function isCandidate(graph: Graph, { operator, inputs }: Node): boolean {
  const w = graph.values[inputs[1] ?? ABSENT];
  if (w?.constant === undefined) return false;
  if (operator === (fullyConnected as Operator<never>)) return true;
  if (operator !== (conv2D as Operator<never>)) return false;
  const channels = graph.values[inputs[0]!]!.type.shape[3]!;
  const isDepthwise = w.type.shape[3] === 1 && channels > 1;
  return !isDepthwise;
}

/** Nodes that a value reaches which came through a layer, in the order that is given. */
function nodesBehindLayers(
  nodes: readonly Node[],
  ends: (node: Node) => readonly [from: readonly number[], to: readonly number[]],
): Set<Node> {
  const behind = new Set<number>();
  const found = new Set<Node>();
  for (const node of nodes) {
    const [from, to] = ends(node);
    const isBehind = from.some((id) => behind.has(id));
    if (isBehind) found.add(node);
    if (isBehind || WEIGHTED.has(node.operator)) for (const id of to) behind.add(id);
  }
  return found;
}
