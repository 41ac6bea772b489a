/** Products in an emulated accumulator: the step, its tiles and its panels of weights. */
import {
  accumulatorFields,
  CHUNKED_MR,
  CHUNKED_NR,
  CHUNKED_OPERAND_BYTES,
  CHUNKED_SCRATCH_BYTES,
  type ChunkedRounding,
} from "../../kernels/index.ts";
import {
  accumulatorOf,
  type ChunkedMatMulAttributes,
  drawsPerOutput,
  minifloatValues,
} from "../../operators/index.ts";
import { keyOf } from "../../quantization/index.ts";
import type { Pointer } from "../plan.ts";
import type { LowerContext } from "./context.ts";
import { splitRows } from "./tiles.ts";

/** About 50 µs of the slower roundings, in products. */
const TILE_PRODUCTS = 32 * 1024;

/** A product of float32 rows and constant 1, minifloat columns [columns, depth]. */
export interface ChunkedProduct {
  readonly a: Pointer;
  /** Bytes from row to row, and from group to group of one row. */
  readonly aStride: number;
  readonly groupStride: number;
  readonly y: Pointer;
  readonly rows: number;
  /** Of all groups together, which have as many each. */
  readonly columns: number;
  readonly groups: number;
  readonly depth: number;
  /** Products are divided by 2 to this power. */
  readonly shift: number;
}

export function chunkedStep(
  context: LowerContext,
  attributes: ChunkedMatMulAttributes,
  rounding: ChunkedRounding,
  product: ChunkedProduct,
): void {
  const { a, aStride, groupStride, y, rows, columns, groups, depth } = product;
  const groupColumns = columns / groups;
  const { tiles, ...tile } = splitTiles(rows, groups * Math.ceil(groupColumns / CHUNKED_NR), depth);
  context.step({
    kernel: `chunked_f32_${rounding}`,
    fields: {
      ...sumFields(attributes, rounding, depth),
      ...{ a, aStride, groupStride, w: addPanels(context, product), y },
      ...{ m: rows, n: columns, groupColumns, k: depth },
      ...tile,
    },
    tiles,
    macs: rows * columns * depth,
    scratchBytes: CHUNKED_SCRATCH_BYTES + depth * CHUNKED_OPERAND_BYTES,
    note: `${rows}x${columns}x${depth} in ${attributes.accumulator}`,
  });
}

/** The fields of sums of `depth` products. */
export function sumFields(
  attributes: ChunkedMatMulAttributes,
  way: ChunkedRounding,
  depth: number,
): Record<string, number> {
  const { chunk, rounding, draws } = attributes;
  const isDrawn = rounding === "stochastic";
  const [key0, key1] = isDrawn ? keyOf(draws) : [0, 0];
  const { layer, step, stream } = isDrawn ? draws : { layer: 0, step: 0, stream: 0 };
  return {
    chunk: Math.min(chunk, depth),
    ...accumulatorFields(accumulatorOf(attributes), way),
    key0: key0 | 0,
    key1: key1 | 0,
    layer: layer | 0,
    step: step | 0,
    stream: stream | 0,
    outputBlocks: drawsPerOutput(depth, chunk) / 4,
  };
}

interface Tiles {
  readonly tileRows: number;
  readonly tilePanels: number;
  readonly columnTiles: number;
  readonly tiles: number;
}

/** Blocks of 4 rows over all columns; a single block is cut along the columns. */
function splitTiles(rows: number, panels: number, depth: number): Tiles {
  const blocks = Math.ceil(rows / CHUNKED_MR);
  const panelCost = CHUNKED_MR * CHUNKED_NR * depth;
  if (blocks > 1) {
    const { tileRows, tiles } = splitRows(blocks, panels * panelCost, TILE_PRODUCTS);
    return { tileRows: tileRows * CHUNKED_MR, tilePanels: panels, columnTiles: 1, tiles };
  }
  const { tileRows: tilePanels, tiles } = splitRows(panels, panelCost, TILE_PRODUCTS);
  return { tileRows: CHUNKED_MR, tilePanels, columnTiles: tiles, tiles };
}

/** Panels of 4 columns of a group: K vectors of 4 float32, columns beyond the last 0. */
function addPanels(
  context: LowerContext,
  { columns, groups, depth, shift }: ChunkedProduct,
): Pointer {
  const groupColumns = columns / groups;
  const groupPanels = Math.ceil(groupColumns / CHUNKED_NR);
  const size = groups * groupPanels * CHUNKED_NR * depth * 4;
  return context.addConstant("panels", size, (target) => {
    const values = minifloatValues(context.constant(1)!);
    const view = new Float32Array(target.buffer, target.byteOffset, target.byteLength / 4);
    const scale = 2 ** -shift;
    for (let column = 0; column < columns; column++) {
      const own = column % groupColumns;
      const panel = Math.floor(column / groupColumns) * groupPanels + Math.floor(own / CHUNKED_NR);
      const to = panel * depth * CHUNKED_NR + (own % CHUNKED_NR);
      for (let k = 0; k < depth; k++) {
        view[to + k * CHUNKED_NR] = values[column * depth + k]! * scale;
      }
    }
  });
}
