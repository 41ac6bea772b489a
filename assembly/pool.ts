/**
 * Average and max pooling: one result per channel from the part of each window that lies inside the
 * image. A tile is some output rows of one image; vectors run over channels.
 *
 * Average of codes: trunc((S ± ⌊n/2⌋) / n) with the sign of S. Sums are int16 over at most 128 taps,
 * |S| ≤ 128 · 255 = 32,640, then int32. The quotient is a float32 division: S and n are integers
 * below 2^24 for n ≤ 65,536, and a quotient that is no integer lies at least 1/n ≥ 2^-16 from one,
 * further than half a unit in the last place below 256: truncation gives the integer quotient.
 */
import { storePart128 } from "./lanes";


@unmanaged
class PoolParameters {
  x: usize;
  y: usize;
  inputHeight: i32;
  inputWidth: i32;
  channels: i32;
  /** Bytes between pixels. */
  xStride: i32;
  yStride: i32;
  outputHeight: i32;
  outputWidth: i32;
  filterHeight: i32;
  filterWidth: i32;
  strideY: i32;
  strideX: i32;
  padTop: i32;
  padLeft: i32;
  tileRows: i32;
  tilesPerImage: i32;
  /** The clamp of codes, and of floats. */
  low: i32;
  high: i32;
  lowLimit: f32;
  highLimit: f32;
}

/** Taps of one int16 sum. */
const SHORT_TAPS: i32 = 128;

/** What a window becomes. */
const MAX_I8: i32 = 0;
const MAX_U8: i32 = 1;
const MAX_F32: i32 = 2;
const AVERAGE_I8: i32 = 3;
const AVERAGE_U8: i32 = 4;
const AVERAGE_F32: i32 = 5;


@inline
function clampFloat(p: PoolParameters, value: v128): v128 {
  return f32x4.pmin(f32x4.pmax(value, f32x4.splat(p.lowLimit)), f32x4.splat(p.highLimit));
}

/** Largest of 16 codes or 4 floats over the window that starts at `x`. */
@inline
function largest(p: PoolParameters, x: usize, rows: i32, columns: i32, operation: i32): v128 {
  const rowStride = p.inputWidth * p.xStride;
  let most = i8x16.splat(operation == MAX_I8 ? -128 : 0);
  if (operation == MAX_F32) most = f32x4.splat(-Infinity);
  for (let ky = 0; ky < rows; ky++) {
    let at = x;
    for (let kx = 0; kx < columns; kx++) {
      const value = v128.load(at);
      if (operation == MAX_I8) most = i8x16.max_s(most, value);
      else if (operation == MAX_U8) most = i8x16.max_u(most, value);
      else most = f32x4.pmax(most, value);
      at += p.xStride;
    }
    x += rowStride;
  }
  if (operation == MAX_I8) {
    return i8x16.min_s(i8x16.max_s(most, i8x16.splat(<i8>p.low)), i8x16.splat(<i8>p.high));
  }
  if (operation == MAX_U8) {
    return i8x16.min_u(i8x16.max_u(most, i8x16.splat(<i8>p.low)), i8x16.splat(<i8>p.high));
  }
  return clampFloat(p, most);
}

/** trunc((S ± half) / count) of four sums. */
@inline
function quotient(sums: v128, half: v128, count: v128): v128 {
  const positive = i32x4.gt_s(sums, i32x4.splat(0));
  const shifted = i32x4.add(sums, v128.bitselect(half, i32x4.neg(half), positive));
  return i32x4.trunc_sat_f32x4_s(f32x4.div(f32x4.convert_i32x4_s(shifted), count));
}

/** Average of 8 codes over the window that starts at `x`, in the low half. */
@inline
function average(p: PoolParameters, x: usize, rows: i32, columns: i32, isUnsigned: bool): v128 {
  const rowStride = p.inputWidth * p.xStride;
  let low = i32x4.splat(0);
  let high = i32x4.splat(0);
  for (let ky = 0; ky < rows; ky++) {
    let at = x;
    for (let left = columns; left > 0; left -= SHORT_TAPS) {
      let sums = i16x8.splat(0);
      for (let kx = min(left, SHORT_TAPS); kx > 0; kx--) {
        sums = i16x8.add(sums, isUnsigned ? v128.load8x8_u(at) : v128.load8x8_s(at));
        at += p.xStride;
      }
      low = i32x4.add(low, i32x4.extend_low_i16x8_s(sums));
      high = i32x4.add(high, i32x4.extend_high_i16x8_s(sums));
    }
    x += rowStride;
  }
  const count = rows * columns;
  const half = i32x4.splat(count >> 1);
  const divisor = f32x4.splat(<f32>count);
  let codes = i16x8.narrow_i32x4_s(quotient(low, half, divisor), quotient(high, half, divisor));
  codes = i16x8.max_s(codes, i16x8.splat(<i16>p.low));
  codes = i16x8.min_s(codes, i16x8.splat(<i16>p.high));
  return isUnsigned ? i8x16.narrow_i16x8_u(codes, codes) : i8x16.narrow_i16x8_s(codes, codes);
}

/** Average of 4 floats: the sum from 0 in the order of rows and columns, then one division. */
@inline
function average_f32(p: PoolParameters, x: usize, rows: i32, columns: i32): v128 {
  const rowStride = p.inputWidth * p.xStride;
  let sums = f32x4.splat(0);
  for (let ky = 0; ky < rows; ky++) {
    let at = x;
    for (let kx = 0; kx < columns; kx++) {
      sums = f32x4.add(sums, v128.load(at));
      at += p.xStride;
    }
    x += rowStride;
  }
  return clampFloat(p, f32x4.div(sums, f32x4.splat(<f32>(rows * columns))));
}


@inline
function pool(parameters: usize, tile: i32, operation: i32): void {
  const p = changetype<PoolParameters>(parameters);
  const elementBytes = operation == MAX_F32 || operation == AVERAGE_F32 ? 4 : 1;
  const vectorBytes = operation == AVERAGE_I8 || operation == AVERAGE_U8 ? 8 : 16;
  const bytes = p.channels * elementBytes;
  const n = tile / p.tilesPerImage;
  const start = (tile % p.tilesPerImage) * p.tileRows;
  const end = min(start + p.tileRows, p.outputHeight);
  const image = p.x + n * p.inputHeight * p.inputWidth * p.xStride;
  let y = p.y + (n * p.outputHeight + start) * p.outputWidth * p.yStride;
  for (let oy = start; oy < end; oy++) {
    const iy = oy * p.strideY - p.padTop;
    const top = max(iy, 0);
    const rows = min(iy + p.filterHeight, p.inputHeight) - top;
    for (let ox = 0; ox < p.outputWidth; ox++) {
      const ix = ox * p.strideX - p.padLeft;
      const left = max(ix, 0);
      const columns = min(ix + p.filterWidth, p.inputWidth) - left;
      const x = image + (top * p.inputWidth + left) * p.xStride;
      for (let at = 0; at < bytes; at += vectorBytes) {
        let value: v128;
        if (operation == AVERAGE_I8) value = average(p, x + at, rows, columns, false);
        else if (operation == AVERAGE_U8) value = average(p, x + at, rows, columns, true);
        else if (operation == AVERAGE_F32) value = average_f32(p, x + at, rows, columns);
        else value = largest(p, x + at, rows, columns, operation);
        storePart128(y + at, value, min(bytes - at, vectorBytes));
      }
      y += p.yStride;
    }
  }
}

export function max_pool_i8(parameters: usize, scratch: usize, tile: i32): void {
  pool(parameters, tile, MAX_I8);
}

export function max_pool_u8(parameters: usize, scratch: usize, tile: i32): void {
  pool(parameters, tile, MAX_U8);
}

export function max_pool_f32(parameters: usize, scratch: usize, tile: i32): void {
  pool(parameters, tile, MAX_F32);
}

export function average_pool_i8(parameters: usize, scratch: usize, tile: i32): void {
  pool(parameters, tile, AVERAGE_I8);
}

export function average_pool_u8(parameters: usize, scratch: usize, tile: i32): void {
  pool(parameters, tile, AVERAGE_U8);
}

export function average_pool_f32(parameters: usize, scratch: usize, tile: i32): void {
  pool(parameters, tile, AVERAGE_F32);
}
