/** ChunkedMatMul: a is decoded to float32 at run time, b into panels at load. */
import {
  accumulatorFields,
  CHUNKED_MR,
  CHUNKED_NR,
  CHUNKED_SCRATCH_BYTES,
  decodeKernelOf,
  hasChunkedKernel,
} from "../../kernels/index.ts";
import {
  accumulatorOf,
  type ChunkedMatMulAttributes,
  drawsPerOutput,
  fullyConnectedGeometry,
  minifloatOf,
  minifloatValues,
} from "../../operators/index.ts";
import { keyOf } from "../../quantization/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import type { LowerContext } from "./context.ts";
import { decodeStep } from "./minifloat-codes.ts";
import { splitRows } from "./tiles.ts";

/** About 50 µs, in products. */
const TILE_PRODUCTS = 16 * 1024;

export function lowerChunkedMatMul(
  context: LowerContext,
  attributes: ChunkedMatMulAttributes,
): boolean {
  const [a, b] = context.inputs;
  const constant = context.constant(1);
  const { rows, columns, depth } = fullyConnectedGeometry(a!, b!);
  const left = minifloatOf(a!, "operands");
  const accumulator = accumulatorOf(attributes);
  if (
    constant === undefined ||
    context.constant(0) !== undefined ||
    decodeKernelOf(left) === undefined ||
    !hasChunkedKernel(left, minifloatOf(b!, "operands"), accumulator, attributes.rounding)
  ) {
    return false;
  }
  const decoded = context.temporary(`${left.name} as float32`, rows * depth * 4);
  decodeStep(context, left, context.input(0), decoded, rows * depth);
  chunkedStep(context, attributes, {
    ...{ a: decoded, b: constant, y: context.output(0), rows, columns, depth },
  });
  return true;
}

/** A product of float32 rows and constant minifloat columns [columns, depth], both in place. */
export interface ChunkedProduct {
  readonly a: Pointer;
  readonly b: Tensor;
  readonly y: Pointer;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/** Appends the step of a product that has a kernel (`hasChunkedKernel`). */
export function chunkedStep(
  context: LowerContext,
  attributes: ChunkedMatMulAttributes,
  { a, b, y, rows, columns, depth }: ChunkedProduct,
): void {
  const accumulator = accumulatorOf(attributes);
  const { chunk, rounding, draws } = attributes;
  const [key0, key1] = rounding === "stochastic" ? keyOf(draws) : [0, 0];
  const { layer, step, stream } =
    rounding === "stochastic" ? draws : { layer: 0, step: 0, stream: 0 };
  const tile = splitTiles(rows, columns, depth);
  context.step({
    kernel: `chunked_f32_${rounding}`,
    fields: {
      a,
      w: addPanels(context, b, columns, depth),
      y,
      m: rows,
      n: columns,
      k: depth,
      chunk: Math.min(chunk, depth),
      tileRows: tile.tileRows,
      tilePanels: tile.tilePanels,
      columnTiles: tile.columnTiles,
      ...accumulatorFields(accumulator),
      key0: key0 | 0,
      key1: key1 | 0,
      layer: layer | 0,
      step: step | 0,
      stream: stream | 0,
      outputBlocks: drawsPerOutput(depth, chunk) / 4,
    },
    tiles: tile.tiles,
    macs: rows * columns * depth,
    scratchBytes: CHUNKED_SCRATCH_BYTES,
    note: `${rows}x${columns}x${depth} in ${accumulator.name}`,
  });
}

interface Tiles {
  readonly tileRows: number;
  readonly tilePanels: number;
  readonly columnTiles: number;
  readonly tiles: number;
}

/** Blocks of 4 rows over all columns; a single block is cut along the columns. */
function splitTiles(rows: number, columns: number, depth: number): Tiles {
  const blocks = Math.ceil(rows / CHUNKED_MR);
  const panels = Math.ceil(columns / CHUNKED_NR);
  const panelCost = CHUNKED_MR * CHUNKED_NR * depth;
  if (blocks > 1) {
    const { tileRows, tiles } = splitRows(blocks, panels * panelCost, TILE_PRODUCTS);
    return { tileRows: tileRows * CHUNKED_MR, tilePanels: panels, columnTiles: 1, tiles };
  }
  const { tileRows: tilePanels, tiles } = splitRows(panels, panelCost, TILE_PRODUCTS);
  return { tileRows: CHUNKED_MR, tilePanels, columnTiles: tiles, tiles };
}

/** Panels of 4 columns: K vectors of 4 float32, columns beyond the last 0. */
function addPanels(
  context: LowerContext,
  constant: Tensor,
  columns: number,
  depth: number,
): Pointer {
  const panels = Math.ceil(columns / CHUNKED_NR);
  return context.addConstant("panels", panels * CHUNKED_NR * depth * 4, (target) => {
    const values = minifloatValues(constant);
    const view = new Float32Array(target.buffer, target.byteOffset, target.byteLength / 4);
    values.forEach((value, i) => {
      const column = Math.floor(i / depth);
      const panel = Math.floor(column / CHUNKED_NR);
      const k = i % depth;
      view[(panel * depth + k) * CHUNKED_NR + (column % CHUNKED_NR)] = value;
    });
  });
}
