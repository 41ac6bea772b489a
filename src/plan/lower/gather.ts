/**
 * Moves by tables that are known at load: nearest-neighbour resizing, and gathering by constant
 * indices. Indices of the run time stay on `reference()`, which answers a wrong one with an error.
 */
import {
  type GatherAttributes,
  gatherAxes,
  nearestPositions,
  type ResizeAttributes,
} from "../../operators/index.ts";
import { elementCount, rowMajorStrides, type TensorType } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { splitRows } from "./tiles.ts";

/** Byte offsets in x, computed when the table is written: a table may be larger than the limits allow. */
interface Offsets {
  readonly count: number;
  readonly at: (i: number) => number;
}

export function lowerGather(context: LowerContext, attributes: GatherAttributes): boolean {
  const indices = context.constant(1);
  if (indices === undefined) return false;
  const x = context.inputs[0]!;
  const { axis, batchDims } = gatherAxes(x, indices.type, attributes);
  if (batchDims !== 0) return false;
  const run = elementCount(x.shape.slice(axis + 1)) * widthOf(x);
  const rowBytes = x.shape[axis]! * run;
  const rows = { count: elementCount(x.shape.slice(0, axis)), at: (i: number) => i * rowBytes };
  const { data } = indices;
  return gatherStep(context, rows, { count: data.length, at: (i) => Number(data[i]) * run }, run);
}

export function lowerGatherNd(context: LowerContext): boolean {
  const indices = context.constant(1);
  if (indices === undefined) return false;
  const x = context.inputs[0]!;
  const depth = indices.type.shape.at(-1)!;
  const strides = rowMajorStrides(x.shape).map((stride) => stride * widthOf(x));
  const tuples = {
    count: elementCount(indices.type.shape.slice(0, -1)),
    at: (tuple: number) => {
      let offset = 0;
      for (let i = 0; i < depth; i++) {
        offset += Number(indices.data[tuple * depth + i]) * strides[i]!;
      }
      return offset;
    },
  };
  const run = elementCount(x.shape.slice(depth)) * widthOf(x);
  return gatherStep(context, { count: 1, at: () => 0 }, tuples, run);
}

export function lowerResizeNearestNeighbor(
  context: LowerContext,
  attributes: ResizeAttributes,
): boolean {
  const x = context.inputs[0]!;
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const [height, width] = attributes.size;
  const pixel = c * widthOf(x);
  const rowAt = nearestPositions(h, height, attributes);
  const columnAt = nearestPositions(w, width, attributes);
  const rows = {
    count: n * height,
    at: (i: number) => (Math.floor(i / height) * h + rowAt(i % height)) * w * pixel,
  };
  return gatherStep(context, rows, { count: width, at: (i) => columnAt(i) * pixel }, pixel);
}

function widthOf({ format }: TensorType): number {
  return format.bits / 8;
}

/** What a run costs besides its bytes, and a tile: about 20 µs of a contiguous copy. */
const RUN_COST = 48;
const TILE_BYTES = 256 * 1024;

function gatherStep(
  context: LowerContext,
  rows: Offsets,
  columns: Offsets,
  runBytes: number,
): boolean {
  const runs = rows.count * columns.count;
  if (runs * runBytes === 0) return false;
  const table = (label: string, { count, at }: Offsets) =>
    context.addConstant(label, count * 4, (target) => {
      const view = new DataView(target.buffer, target.byteOffset);
      for (let i = 0; i < count; i++) view.setInt32(i * 4, at(i), true);
    });
  const { tileRows: tileRuns, tiles } = splitRows(runs, runBytes + RUN_COST, TILE_BYTES);
  context.step({
    kernel: "gather_runs",
    fields: {
      x: context.input(0),
      y: context.output(0),
      rows: table("rows", rows),
      columns: table("columns", columns),
      rowCount: rows.count,
      columnCount: columns.count,
      runBytes,
      tileRuns,
    },
    tiles,
    note: `${rows.count}x${columns.count}x${runBytes}`,
  });
  return true;
}
