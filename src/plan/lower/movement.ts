/** Operators that only move elements: each of their moves is one step of a copy kernel. */
import type { Move, MovementOperator } from "../../operators/index.ts";
import { elementCount } from "../../tensor/index.ts";
import { type BoxAxis, boxAxes, boxFields, fitsBox } from "./box.ts";
import { advance, type LowerContext, type Lowering, type StepRequest } from "./context.ts";
import { splitRows } from "./tiles.ts";

/** The same bytes under another type need no work; else a copy. */
export function lowerReshape<A>(operator: MovementOperator<A>): Lowering<A> {
  const copy = lowerMovement(operator);
  return (context, attributes) => context.alias(0, 0) || copy(context, attributes);
}

export function lowerMovement<A>(operator: MovementOperator<A>): Lowering<A> {
  return (context, attributes) => {
    const moves = operator.moves(context.inputs, attributes, context.outputs);
    const requests: StepRequest[] = [];
    for (const move of moves) {
      const axes = boxAxes(move, widthOf(context));
      // A move of nothing needs no step, nor one whose bytes are there already.
      if (axes === undefined || isDone(context, move, axes)) continue;
      const request = moveStep(context, move, axes);
      if (request === undefined) return false;
      requests.push(request);
    }
    for (const request of requests) context.step(request);
    return true;
  };
}

/** The input was written in place, or all of the output is a run of the input's bytes. */
function isDone(
  context: LowerContext,
  { shape, from, to, table }: Move,
  axes: readonly BoxAxis[],
): boolean {
  if (table !== undefined) return false;
  if (context.isInPlace(from.tensor)) return true;
  const width = widthOf(context);
  const isWhole = elementCount(shape) === elementCount(context.outputs[to.tensor]!.shape);
  const isRun = axes.every(({ xs, ys }) => axes.length === 1 && xs === width && ys === width);
  return isWhole && isRun && context.part(to.tensor, from.tensor, from.offset * width);
}

/** Bytes of one element; the same in all inputs and outputs. */
function widthOf({ outputs }: LowerContext): number {
  return outputs[0]!.format.bits / 8;
}

/** Costs in bytes of a contiguous copy: a call per row, and elements that go one by one. */
const ROW_COST = 64;
const ELEMENT_COST = 16;
/** Two blocks of 16 by 16 bytes. */
const TRANSPOSE_SCRATCH = 512;
/** About 20 µs. */
const TILE_COST = 256 * 1024;

function moveStep(
  context: LowerContext,
  move: Move,
  axes: readonly BoxAxis[],
): StepRequest | undefined {
  const width = widthOf(context);
  const x = advance(context.input(move.from.tensor), move.from.offset * width);
  const y = advance(context.output(move.to.tensor), move.to.offset * width);
  const inner = axes.at(-1) ?? { n: 1, xs: width, ys: width };
  const isRun = inner.xs === width && inner.ys === width;
  const strided = (kernel: string, box: readonly BoxAxis[], rows: number, rowCost: number) => {
    const { tileRows, tiles } = splitRows(rows, rowCost, TILE_COST);
    const fields = { x, y, table: 0, ...boxFields(box), tileRows };
    return { kernel, fields, tiles, note: box.map(({ n }) => n).join("x") };
  };

  if (move.table !== undefined) {
    if (!fitsBox(axes)) return undefined;
    const request = strided("map_bytes", axes, countRows(axes), inner.n * ELEMENT_COST);
    const table = context.addConstant("rescale", 256, (target) => target.set(move.table!));
    return { ...request, fields: { ...request.fields, table } };
  }
  if (isRun && axes.length <= 1) {
    const sizeBytes = inner.n * width;
    const { tileRows: tileBytes, tiles } = splitRows(sizeBytes, 1, TILE_COST);
    return { kernel: "copy_bytes", fields: { x, y, sizeBytes, tileBytes }, tiles };
  }
  if (!fitsBox(axes)) return undefined;
  if (isRun) {
    const run = { n: inner.n * width, xs: 1, ys: 1 };
    return strided(
      "copy_runs",
      [...axes.slice(0, -1), run],
      countRows(axes),
      Math.max(run.n, ROW_COST),
    );
  }
  const turned = transposedAxes(axes, width);
  if (turned !== undefined) {
    const strip = turned.at(-2)!;
    const strips = Math.ceil(strip.n / blockSide(width)!);
    const stripCost = blockSide(width)! * inner.n * width * 4;
    const rows = (countRows(turned) / strip.n) * strips;
    const request = strided(`transpose_${width * 8}`, turned, rows, stripCost);
    return { ...request, scratchBytes: TRANSPOSE_SCRATCH };
  }
  return strided(`copy_elements_${width * 8}`, axes, countRows(axes), inner.n * ELEMENT_COST);
}

function countRows(axes: readonly BoxAxis[]): number {
  return axes.slice(0, -1).reduce((product, { n }) => product * n, 1);
}

/** Side of the blocks of the transposing kernel for elements of a width, if there is one. */
function blockSide(width: number): number | undefined {
  return width === 1 ? 16 : width === 4 ? 4 : undefined;
}

/**
 * The axes with the one that is contiguous in x as the last but one, if the last is contiguous in y
 * and both are at least a block. The order of the others is free: no element is written twice.
 */
function transposedAxes(axes: readonly BoxAxis[], width: number): BoxAxis[] | undefined {
  const side = blockSide(width);
  const inner = axes.at(-1)!;
  if (side === undefined || inner.ys !== width || inner.n < side) return undefined;
  const contiguous = axes.findIndex(({ n, xs }) => xs === width && n >= side);
  if (contiguous < 0) return undefined;
  const others = axes.filter((_, i) => i !== contiguous && i !== axes.length - 1);
  return [...others, axes[contiguous]!, inner];
}
