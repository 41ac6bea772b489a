/**
 * Matrix product with an emulated narrow accumulator: y = Σ over chunks of Σ inside a chunk, every
 * single sum rounded to the accumulator's format. 4 rows × 4 columns at a time.
 *
 * A sum is rounded once. With s = f32(c + p) and its exact error e (Knuth's TwoSum), c + p = s + e;
 * every value that occurs is a multiple of the smallest product, so no step underflows
 * (`hasChunkedKernel` of src/kernels/chunked.ts proves the bounds). |s| · 2^k counts steps of the
 * format, 2^−k being the step at |s|:
 *
 * - nearest: e goes into the last bit of |s| (rounding to odd; 24 bits are 2 more than the format
 *   has), then ties to even of the count of steps;
 * - stochastic: steps are cut off at s + e, and one is added if draw / 2^24 is below the fraction.
 */
import { storePart128 } from "./lanes";
import { philox4 } from "./rng";


@unmanaged
class ChunkedParameters {
  /** m rows of k float32. */
  a: usize;
  /** Panels of 4 columns: k vectors each. */
  w: usize;
  y: usize;
  m: i32;
  n: i32;
  k: i32;
  chunk: i32;
  /** Rows, a multiple of 4, and panels of a tile; tiles side by side. */
  tileRows: i32;
  tilePanels: i32;
  columnTiles: i32;
  /** Bits of the smallest normal number's exponent; of 2^(127 + M); of 2^M, above bit 23 each. */
  leastExponent: i32;
  scaleBase: i32;
  mantissaStep: i32;
  /** Largest number, and what is above it. */
  max: f32;
  overflow: f32;
  /** Position of a draw: key, counter, blocks of four draws of one output. */
  key0: i32;
  key1: i32;
  layer: i32;
  step: i32;
  stream: i32;
  outputBlocks: i32;
}

/** Bytes of the draws of a row: four vectors. */
const DRAWS: usize = 64;


@inline
function roundSum(c: v128, product: v128, draw: usize, parameters: usize, stochastic: bool): v128 {
  const sum = f32x4.add(c, product);
  const productPart = f32x4.sub(sum, c);
  const error = f32x4.add(
    f32x4.sub(c, f32x4.sub(sum, productPart)),
    f32x4.sub(product, productPart),
  );
  const sign = v128.and(sum, i32x4.splat(0x80000000));
  const magnitude = v128.xor(sum, sign);
  // Toward zero or away from it.
  const rest = v128.xor(error, sign);
  const isLess = f32x4.lt(rest, f32x4.splat(0));
  let cut = i32x4.add(magnitude, isLess);
  const exponent = i32x4.max_s(
    v128.and(cut, i32x4.splat(0x7f800000)),
    v128.load32_splat(parameters, offsetof<ChunkedParameters>("leastExponent")),
  );
  const scale = i32x4.sub(
    v128.load32_splat(parameters, offsetof<ChunkedParameters>("scaleBase")),
    exponent,
  );
  const unit = i32x4.sub(
    exponent,
    v128.load32_splat(parameters, offsetof<ChunkedParameters>("mantissaStep")),
  );
  let steps: v128;
  if (stochastic) {
    steps = f32x4.trunc(f32x4.mul(cut, scale));
    // In units of 2^−24 of a step.
    const fine = i32x4.add(scale, i32x4.splat(24 << 23));
    const fraction = f32x4.sub(f32x4.mul(magnitude, fine), f32x4.mul(steps, f32x4.splat(16777216)));
    const threshold = f32x4.convert_i32x4_s(i32x4.shr_u(v128.load(draw), 8));
    const isUp = f32x4.lt(f32x4.sub(threshold, fraction), f32x4.mul(rest, fine));
    steps = f32x4.add(steps, v128.and(isUp, f32x4.splat(1)));
  } else {
    // Infinity has a NaN as its rest: neither less nor more.
    const isInexact = v128.or(isLess, f32x4.gt(rest, f32x4.splat(0)));
    cut = v128.or(cut, i32x4.shr_u(isInexact, 31));
    steps = f32x4.nearest(f32x4.mul(cut, scale));
  }
  const value = f32x4.mul(steps, unit);
  const isOverflow = f32x4.gt(
    value,
    v128.load32_splat(parameters, offsetof<ChunkedParameters>("max")),
  );
  const overflow = v128.load32_splat(parameters, offsetof<ChunkedParameters>("overflow"));
  return v128.or(v128.bitselect(overflow, value, isOverflow), sign);
}

/** Draws 4 · block … 4 · block + 3 of 4 rows × 4 columns. */
function drawBlocks(p: ChunkedParameters, row: i32, column: i32, block: i32, to: usize): void {
  const blocks = p.outputBlocks;
  const lanes = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(blocks));
  const layer = i32x4.splat(p.layer);
  const step = i32x4.splat(p.step);
  const stream = i32x4.splat(p.stream);
  let first = (row * p.n + column) * blocks + block;
  for (let i: usize = 0; i < 4 * DRAWS; i += DRAWS) {
    const counter = i32x4.add(i32x4.splat(first), lanes);
    philox4(counter, layer, step, stream, p.key0, p.key1, to + i);
    first += p.n * blocks;
  }
}

/** Any NaN as 0x7FC00000. */
@inline
function storeRow(p: ChunkedParameters, row: i32, column: i32, value: v128): void {
  if (row >= p.m) return;
  const oneNaN = v128.bitselect(value, i32x4.splat(0x7fc00000), f32x4.eq(value, value));
  const y = p.y + (((row as usize) * (p.n as usize) + (column as usize)) << 2);
  storePart128(y, oneNaN, min(p.n - column, 4) << 2);
}

/** Rows beyond the last repeat it and are not stored. */
@inline
function rowOf(p: ChunkedParameters, row: i32): usize {
  return p.a + (((min(row, p.m - 1) as usize) * (p.k as usize)) << 2);
}


@inline
function tile4x4(
  p: ChunkedParameters,
  scratch: usize,
  row: i32,
  column: i32,
  stochastic: bool,
): void {
  const parameters = changetype<usize>(p);
  const depth = p.k;
  const chunk = p.chunk;
  const sumDraws = scratch + 4 * DRAWS;
  let w = p.w + (((column as usize) * (depth as usize)) << 2);
  let a0 = rowOf(p, row);
  let a1 = rowOf(p, row + 1);
  let a2 = rowOf(p, row + 2);
  let a3 = rowOf(p, row + 3);
  const zero = f32x4.splat(0);
  let y0 = zero;
  let y1 = zero;
  let y2 = zero;
  let y3 = zero;
  let k = 0;
  let rounding = depth;
  while (k < depth) {
    let c0 = zero;
    let c1 = zero;
    let c2 = zero;
    let c3 = zero;
    for (const end = min(k + chunk, depth); k < end; k++) {
      if (stochastic && (k & 3) == 0) drawBlocks(p, row, column, k >> 2, scratch);
      const draw = scratch + (((k & 3) as usize) << 4);
      const b = v128.load(w);
      c0 = roundSum(c0, f32x4.mul(v128.load32_splat(a0), b), draw, parameters, stochastic);
      c1 = roundSum(c1, f32x4.mul(v128.load32_splat(a1), b), draw + DRAWS, parameters, stochastic);
      c2 = roundSum(c2, f32x4.mul(v128.load32_splat(a2), b), draw + 128, parameters, stochastic);
      c3 = roundSum(c3, f32x4.mul(v128.load32_splat(a3), b), draw + 192, parameters, stochastic);
      a0 += 4;
      a1 += 4;
      a2 += 4;
      a3 += 4;
      w += 16;
    }
    if (stochastic) drawBlocks(p, row, column, rounding >> 2, sumDraws);
    const draw = sumDraws + (((rounding & 3) as usize) << 4);
    y0 = roundSum(y0, c0, draw, parameters, stochastic);
    y1 = roundSum(y1, c1, draw + DRAWS, parameters, stochastic);
    y2 = roundSum(y2, c2, draw + 128, parameters, stochastic);
    y3 = roundSum(y3, c3, draw + 192, parameters, stochastic);
    rounding++;
  }
  storeRow(p, row, column, y0);
  storeRow(p, row + 1, column, y1);
  storeRow(p, row + 2, column, y2);
  storeRow(p, row + 3, column, y3);
}


@inline
function chunkedTile(parameters: usize, scratch: usize, tile: i32, stochastic: bool): void {
  const p = changetype<ChunkedParameters>(parameters);
  const firstRow = (tile / p.columnTiles) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  const firstColumn = (tile % p.columnTiles) * p.tilePanels * 4;
  const lastColumn = min(firstColumn + p.tilePanels * 4, p.n);
  for (let column = firstColumn; column < lastColumn; column += 4) {
    for (let row = firstRow; row < lastRow; row += 4) {
      tile4x4(p, scratch, row, column, stochastic);
    }
  }
}

export function chunked_f32_nearest(parameters: usize, scratch: usize, tile: i32): void {
  chunkedTile(parameters, scratch, tile, false);
}

export function chunked_f32_stochastic(parameters: usize, scratch: usize, tile: i32): void {
  chunkedTile(parameters, scratch, tile, true);
}
