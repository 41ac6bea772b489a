/** The grid of rows on which the elementwise kernels walk two operands that broadcast. */
import { broadcastStrides, elementCount, typeBytes } from "../../tensor/index.ts";
import type { TensorType } from "../../tensor/index.ts";
import type { LowerContext, StepRequest } from "./context.ts";
import { splitRows } from "./tiles.ts";

/** Elements of one tile: some 10 µs. */
const TILE_ELEMENTS = 32_768;
/** Columns of a tile that is a part of a row: whole cache lines for every element size. */
const COLUMN_UNIT = 64;

interface Axis {
  extent: number;
  a: number;
  b: number;
}

/** The axes of the result with strides of both operands, neighbours merged where they can be. */
function mergedAxes(a: TensorType, b: TensorType, y: TensorType): Axis[] {
  const aStrides = broadcastStrides(a.shape, y.shape);
  const bStrides = broadcastStrides(b.shape, y.shape);
  const axes: Axis[] = [];
  y.shape.forEach((extent, d) => {
    if (extent === 1) return;
    const axis = { extent, a: aStrides[d]!, b: bStrides[d]! };
    const outer = axes.at(-1);
    if (outer?.a === axis.a * extent && outer.b === axis.b * extent) {
      axes[axes.length - 1] = { ...axis, extent: outer.extent * extent };
    } else {
      axes.push(axis);
    }
  });
  return axes;
}

/**
 * Fields, tiles and scratch that the kernels on this grid share; undefined where the operands need
 * more than two axes above the row.
 */
export function elementwiseGrid(
  context: LowerContext,
): { fields: StepRequest["fields"]; tiles: number; scratchBytes: number } | undefined {
  const [a, b] = context.inputs as [TensorType, TensorType];
  const y = context.outputs[0]!;
  const count = elementCount(y.shape);
  const axes = mergedAxes(a, b, y);
  if (count === 0 || axes.length > 3) return undefined;
  while (axes.length < 3) axes.unshift({ extent: 1, a: 0, b: 0 });
  const [outer, middle, inner] = axes as [Axis, Axis, Axis];
  const bytes = typeBytes(y) / count;
  const rows = outer.extent * middle.extent;
  const { tileRows, tiles } = splitRows(rows, inner.extent, TILE_ELEMENTS);
  const columns = splitRows(
    Math.ceil(inner.extent / COLUMN_UNIT),
    rows === 1 ? COLUMN_UNIT : 0,
    TILE_ELEMENTS,
  );
  const isWhole = [a, b].map(({ shape }) => elementCount(shape) === count);
  if (!(isWhole[0]! && context.overwrite(0, 0)) && isWhole[1]!) context.overwrite(0, 1);
  return {
    tiles: tiles * columns.tiles,
    scratchBytes: 32,
    fields: {
      a: context.input(0),
      b: context.input(1),
      y: context.output(0),
      inner: inner.extent,
      rows,
      rowsPerOuter: middle.extent,
      aStride0: outer.a * bytes,
      aStride1: middle.a * bytes,
      bStride0: outer.b * bytes,
      bStride1: middle.b * bytes,
      aStep: inner.a * bytes,
      bStep: inner.b * bytes,
      tileRows,
      tileColumns: columns.tileRows * COLUMN_UNIT,
      tilesPerRow: columns.tiles,
    },
  };
}
