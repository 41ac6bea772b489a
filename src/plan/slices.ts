/**
 * Values that can be written where they end up: a tensor that nothing reads but the concatenation (or
 * pack) which it becomes a part of, unchanged, needs no place of its own.
 */
import type { Graph, ValueId } from "../graph/index.ts";
import {
  concatenation,
  type Move,
  type MovementOperator,
  type Operator,
  pack,
} from "../operators/index.ts";
import type { TensorType } from "../tensor/index.ts";
import { boxAxes } from "./lower/box.ts";

/** A tensor as rows of another one. */
export interface Slice {
  readonly whole: ValueId;
  readonly byteOffset: number;
  /** 1: contiguous. */
  readonly rows: number;
  readonly rowBytes: number;
  /** Bytes of the whole from row to row. */
  readonly pitch: number;
}

const JOINING: ReadonlySet<Operator<never>> = new Set<Operator<never>>([concatenation, pack]);

/**
 * The slices of a graph by value; of nested ones each is a slice of the next.
 * @param typeOf the type in which a value lies in memory
 */
export function slicesOf(graph: Graph, typeOf: (id: ValueId) => TensorType): Map<ValueId, Slice> {
  const slices = new Map<ValueId, Slice>();
  if (!graph.nodes.some(({ operator }) => JOINING.has(operator))) return slices;
  const reads = countReads(graph);
  const written = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  for (const { operator, attributes, inputs, outputs } of graph.nodes) {
    if (!JOINING.has(operator)) continue;
    const whole = outputs[0]!;
    const y = typeOf(whole);
    const types = inputs.map(typeOf);
    const moves = (operator as MovementOperator<never>).moves(types, attributes as never, [y]);
    for (const move of moves) {
      const id = inputs[move.from.tensor]!;
      if (reads.get(id) !== 1 || !written.has(id)) continue;
      const rows = rowsOf(move, y.format.bits / 8);
      if (rows !== undefined) slices.set(id, { whole, ...rows });
    }
  }
  return slices;
}

/** Times that a value is read, the graph's outputs included. */
function countReads(graph: Graph): Map<ValueId, number> {
  const reads = new Map<ValueId, number>();
  for (const id of [...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs]) {
    reads.set(id, (reads.get(id) ?? 0) + 1);
  }
  return reads;
}

/** The target of a move of a whole tensor, where its rows are contiguous. */
function rowsOf(move: Move, width: number): Omit<Slice, "whole"> | undefined {
  const axes = move.table === undefined ? boxAxes(move, width) : undefined;
  if (axes === undefined || axes.length > 2) return undefined;
  const inner = axes.at(-1);
  const hasRun = inner !== undefined && inner.xs === width && inner.ys === width;
  const row = hasRun ? inner : { n: 1 };
  const outer = hasRun ? axes.at(-2) : inner;
  if (!hasRun && axes.length > 1) return undefined;
  const rowBytes = row.n * width;
  if (outer !== undefined && outer.xs !== rowBytes) return undefined;
  const byteOffset = move.to.offset * width;
  return { byteOffset, rows: outer?.n ?? 1, rowBytes, pitch: outer?.ys ?? rowBytes };
}
