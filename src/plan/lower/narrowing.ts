/**
 * Activations below 8 bits: a `Quantize` from 8 bits whose readers are all convolutions and fully
 * connected layers disappears into their packing, which computes the codes where it copies rows.
 *
 *     x int8 ──▶ Quantize ──▶ uint4 ──▶ Conv2D      becomes      x int8 ──▶ Conv2D (narrows, then packs)
 */
import {
  ABSENT,
  type Graph,
  isOutput,
  type Node,
  oncePerGraph,
  readersOf,
  type ValueId,
} from "../../graph/index.ts";
import {
  conv2D,
  fullyConnected,
  narrowingMultiplier,
  type Operator,
  quantize,
} from "../../operators/index.ts";
import type { TensorType } from "../../tensor/index.ts";
import { hasWholeBlocks } from "./weight-codes.ts";

/** One step per group: with more of them the walk costs more than the products. */
export const MAX_GROUPS = 1024;

export interface Narrowing {
  /** The 8-bit value that is read in place of the narrow one. */
  readonly source: ValueId;
  /** The byte of border cells: the zero point of `source` becomes that of the narrow value exactly. */
  readonly border: number;
  readonly fields: {
    readonly narrowFlip: number;
    readonly narrowMultiplier: number;
    readonly narrowAddend: number;
    readonly narrowHigh: number;
  };
}

/** By the narrow values. */
const narrowings = oncePerGraph(
  (graph) => new Map(graph.nodes.map((node) => [node.outputs[0], findNarrowing(graph, node)])),
);

/** What the packing of a layer does first, or undefined where its input is no `Quantize` of this kind. */
export function narrowingOf(graph: Graph, { inputs }: Node): Narrowing | undefined {
  return narrowings(graph).get(inputs[0]);
}

/** The same, asked of the `Quantize`: undefined where it must be a step of its own. */
export function fusedNarrowing(graph: Graph, { outputs }: Node): Narrowing | undefined {
  return narrowings(graph).get(outputs[0]);
}

function findNarrowing(graph: Graph, producer: Node): Narrowing | undefined {
  if (producer.operator !== (quantize as Operator<never>)) return undefined;
  const [source] = producer.inputs as [ValueId];
  const [result] = producer.outputs as [ValueId];
  if (isOutput(graph, result)) return undefined;
  const readers = readersOf(graph, result);
  if (!readers.every((reader) => canNarrow(graph, reader, result))) return undefined;
  return narrowing(source, graph.values[source]!.type, graph.values[result]!.type);
}

/** The lowerings of these layers never decline then. */
function canNarrow(graph: Graph, { operator, inputs }: Node, value: ValueId): boolean {
  const [x, w = ABSENT, bias = ABSENT] = inputs;
  const isConstant = (id: ValueId) => graph.values[id]?.constant !== undefined;
  if (x !== value || inputs.indexOf(value, 1) > 0) return false;
  if (!isConstant(w) || !(bias === ABSENT || isConstant(bias))) return false;
  if (!hasWholeBlocks(graph.values[w]!.type)) return false;
  if (operator === (fullyConnected as Operator<never>)) return true;
  if (operator !== (conv2D as Operator<never>)) return false;
  return graph.values[x]!.type.shape[3]! / graph.values[w]!.type.shape[3]! <= MAX_GROUPS;
}

/** Codes of unsigned formats of 4 bits or fewer, where (addend + K · x) stays in int16 for every x. */
function narrowing(source: ValueId, x: TensorType, y: TensorType): Narrowing | undefined {
  if (x.format.bits !== 8 || y.format.kind !== "unsigned" || y.format.bits > 4) return undefined;
  const zeroPoint = x.quantization!.zeroPoint[0]!;
  const multiplier = narrowingMultiplier(x, y);
  const start = y.quantization!.zeroPoint[0]! * 256 + 128;
  const ends = [x.format.min, x.format.max].map((code) => start + multiplier * (code - zeroPoint));
  if (ends.some((sum) => sum < -(2 ** 15) || sum >= 2 ** 15)) return undefined;
  // Bytes are read as int8: uint8 codes flipped, 128 lower.
  const flip = x.format.kind === "unsigned" ? 128 : 0;
  return {
    source,
    border: zeroPoint,
    fields: {
      narrowFlip: flip,
      narrowMultiplier: multiplier,
      narrowAddend: (start + multiplier * (flip - zeroPoint)) | 0,
      narrowHigh: y.format.max,
    },
  };
}
