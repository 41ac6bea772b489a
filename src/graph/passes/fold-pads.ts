/**
 * A border of zeros in front of a convolution becomes the convolution's own: both read real 0 there. In
 * front of a largest value it does where 0 is the least code, which never wins against another one.
 */
import {
  conv2D,
  depthwiseConv2D,
  maxPool2D,
  type Operator,
  pad,
  type PadAttributes,
  type Padding,
  windowGeometry,
} from "../../operators/index.ts";
import { ABSENT, createNode, type Graph, type Node, type ValueId } from "../graph.ts";

type Extent2D = readonly [number, number];

interface WindowAttributes {
  readonly filter?: Extent2D;
  readonly strides: Extent2D;
  readonly dilations?: Extent2D;
  readonly padding: Padding;
}

const CONVOLUTIONS: ReadonlySet<Operator<never>> = new Set<Operator<never>>([
  conv2D,
  depthwiseConv2D,
]);

/**
 * The graph with such borders folded, and without those that nothing needs any more. Values keep their ids.
 * @param graph a graph whose types are inferred
 */
export function foldPads(graph: Graph): Graph {
  const pads = new Map<ValueId, Node>();
  for (const node of graph.nodes) if (isBorder(graph, node)) pads.set(node.outputs[0]!, node);
  if (pads.size === 0) return graph;
  const nodes = graph.nodes.map((node) => {
    const border = pads.get(node.inputs[0] ?? ABSENT);
    const padding = border === undefined ? undefined : foldedPadding(graph, node, border);
    if (border === undefined || padding === undefined) return node;
    const attributes = { ...(node.attributes as object), padding };
    const inputs = node.inputs.with(0, border.inputs[0]!);
    return createNode(node.name, node.operator, attributes as never, inputs, node.outputs);
  });
  const needed = new Set([...graph.outputs, ...nodes.flatMap(({ inputs }) => inputs)]);
  return {
    ...graph,
    nodes: nodes.filter(({ outputs }) => !pads.has(outputs[0]!) || needed.has(outputs[0]!)),
  };
}

/** Real zeros around the rows and columns of images of 8-bit codes. */
function isBorder({ values }: Graph, { operator, inputs, attributes }: Node): boolean {
  const { type, constant } = values[inputs[0] ?? ABSENT] ?? {};
  if (operator !== (pad as Operator<never>) || type === undefined || constant !== undefined) {
    return false;
  }
  const { paddings } = attributes as PadAttributes;
  const isImage = paddings.length === 4 && [0, 3].every((axis) => sum(paddings[axis]!) === 0);
  return isImage && inputs.length === 1 && ["int8", "uint8"].includes(type.format.name);
}

function sum([before, after]: readonly [number, number]): number {
  return before + after;
}

/** The padding of a node that reads what the border surrounds; undefined where it cannot. */
function foldedPadding({ values }: Graph, node: Node, border: Node): Padding | undefined {
  const { type } = values[border.inputs[0]!]!;
  const [, height, width] = values[border.outputs[0]!]!.type.shape as [number, number, number];
  const attributes = node.attributes as WindowAttributes;
  const isLargest = node.operator === (maxPool2D as Operator<never>);
  if (
    isLargest ? type.quantization?.zeroPoint[0] !== type.format.min : !isConvolution(values, node)
  ) {
    return undefined;
  }
  const shape = isLargest ? undefined : values[node.inputs[1]!]!.type.shape;
  const filter = attributes.filter ?? ([shape![1]!, shape![2]!] as const);
  const { strides, dilations = [1, 1], padding } = attributes;
  const around = windowGeometry([height, width], filter, strides, dilations, padding);
  const [, rows, columns] = (border.attributes as PadAttributes).paddings;
  const all = {
    top: rows![0] + around.border.top,
    bottom: rows![1] + around.border.bottom,
    left: columns![0] + around.border.left,
    right: columns![1] + around.border.right,
  };
  // Windows that lie in the border alone are no windows of the image.
  const isInside =
    Math.max(all.top, all.bottom) <= (filter[0] - 1) * dilations[0] &&
    Math.max(all.left, all.right) <= (filter[1] - 1) * dilations[1];
  return isInside ? all : undefined;
}

/** Products of codes: they add nothing where the input is 0. */
function isConvolution(values: Graph["values"], { operator, inputs }: Node): boolean {
  const weights = values[inputs[1] ?? ABSENT];
  const isInteger = weights !== undefined && weights.type.format.kind !== "float";
  return CONVOLUTIONS.has(operator) && isInteger && inputs.lastIndexOf(inputs[0]!) === 0;
}
