/**
 * Depthwise convolution: y[oy, ox, c] = out(bias[c] + Σ x[oy·s + ky·d − pad, …, c] · w[ky, kx, c]).
 *
 * A tile is some output rows of one image. Per output row the input rows that it needs lie in a ring
 * in scratch, padded with the zero point, with one channel per output channel (a channel multiplier
 * repeats them there), so that the loops know neither borders nor multipliers. uint8 codes are
 * flipped to int8 on the way in and back on the way out: zero points and limits are then those of
 * int8, and −z_x·Σw is folded into the bias.
 *
 *             8 channels                   4 outputs side by side
 *   column c  |x0|x1|…|x7|  interleave     y0 += P0·E   y1 += P0·O
 *   column c+1|x0|x1|…|x7|  ──────▶ P0     y2 += P2·E   y3 += P2·O
 *
 *   E_j = (w[2j], w[2j+1]), O_j = (w[2j−1], w[2j]), 0 outside the filter; j < ⌊kw / 2⌋ + 1
 *
 * One `i32x4.dot_i16x8_s` takes two taps of four channels. Live vectors: 8 accumulators, P and Q of
 * two halves each, up to two weights: 14. Bound: |x| ≤ 128 and |w| ≤ 255, so a dot stays below 2^17;
 * sums wrap modulo 2^32 and the final one is proven to fit by the operator's `infer`.
 */
import { interleaveHigh16, interleaveLow16, storePart128, storePart64 } from "./lanes";
import { baseOf, floorOf, requantizeFixed, requantizeFp32 } from "./requantize";


@unmanaged
class DepthwiseParameters {
  x: usize;
  y: usize;
  /** Panels of 8 (float32: 4) channels: weights, then bias, then multipliers. */
  panels: usize;
  panelBytes: i32;
  inputHeight: i32;
  inputWidth: i32;
  inputChannels: i32;
  /** Bytes between pixels. */
  xStride: i32;
  yStride: i32;
  channels: i32;
  multiplier: i32;
  outputHeight: i32;
  outputWidth: i32;
  filterHeight: i32;
  /** Weight vectors per filter row: tap pairs (float32: taps). */
  filterSteps: i32;
  strideY: i32;
  strideX: i32;
  dilationY: i32;
  dilationX: i32;
  padTop: i32;
  padLeft: i32;
  /** Columns right of the image that some window reads. */
  padRight: i32;
  /** Bytes of one ring row, a multiple of 16. */
  rowBytes: i32;
  tileRows: i32;
  tilesPerImage: i32;
  /** The input's zero point after the flip. */
  padCode: i32;
  /** 0x80808080 for uint8, else 0. */
  inputFlip: i32;
  outputFlip: i32;
  zeroPoint: i32;
  low: i32;
  high: i32;
  /** The clamp of float32 kernels. */
  lowLimit: f32;
  highLimit: f32;
}

/** Input rows that one output row spans. */
@inline
function ringRows(p: DepthwiseParameters): i32 {
  return (p.filterHeight - 1) * p.dilationY + 1;
}

/** Scratch: one row pointer per filter row, then 64 bytes for an epilogue, then the ring. */
@inline
function ringStart(p: DepthwiseParameters, scratch: usize): usize {
  return scratch + ((p.filterHeight * 4 + 15) & -16) + 64;
}


@inline
function fill<T>(to: usize, count: i32, value: T): void {
  for (let end = to + count * sizeof<T>(); to < end; to += sizeof<T>()) store<T>(to, value);
}

/** Pixels of one row, each channel `multiplier` times. */
@inline
function copyPixels<T>(p: DepthwiseParameters, from: usize, to: usize, flip: T): void {
  for (let column = 0; column < p.inputWidth; column++) {
    for (let c = 0; c < p.inputChannels; c++) {
      const value = load<T>(from + c * sizeof<T>());
      for (let m = 0; m < p.multiplier; m++) {
        if (isInteger<T>()) store<T>(to, value ^ flip);
        else store<T>(to, value);
        to += sizeof<T>();
      }
    }
    from += p.xStride;
  }
}

/** A row that lies in one piece. */
@inline
function copyRow(from: usize, to: usize, bytes: i32, flip: i32): void {
  if (flip == 0) {
    memory.copy(to, from, bytes);
    return;
  }
  const flips = i32x4.splat(flip);
  const whole = to + (bytes & -16);
  while (to < whole) {
    v128.store(to, v128.xor(v128.load(from), flips));
    from += 16;
    to += 16;
  }
  for (let i = 0; i < (bytes & 15); i++) store<u8>(to + i, load<u8>(from + i) ^ (<u8>flip));
}

/** Brings padded row `row` of image `image` into its place in the ring. */
@inline
function loadRow<T>(p: DepthwiseParameters, image: usize, row: i32, to: usize, pad: T): void {
  const line = row - p.padTop;
  const left = p.padLeft * p.channels;
  const inside = p.inputWidth * p.channels;
  const right = p.padRight * p.channels;
  if (<u32>line >= <u32>p.inputHeight) {
    fill<T>(to, left + inside + right, pad);
    return;
  }
  fill<T>(to, left, pad);
  const interior = to + left * sizeof<T>();
  const from = image + line * p.inputWidth * p.xStride;
  if (p.multiplier == 1 && p.xStride == p.channels * sizeof<T>()) {
    copyRow(from, interior, inside * sizeof<T>(), p.inputFlip);
  } else {
    copyPixels<T>(p, from, interior, <T>p.inputFlip);
  }
  fill<T>(interior + inside * sizeof<T>(), right, pad);
}

/**
 * Points the row table at the input rows of output row `oy`, after loading those from `next` on that
 * are not in the ring yet. Returns the new `next`.
 */
@inline
function advance<T>(
  p: DepthwiseParameters,
  scratch: usize,
  image: usize,
  oy: i32,
  next: i32,
  pad: T,
): i32 {
  const rows = ringRows(p);
  const ring = ringStart(p, scratch);
  const first = oy * p.strideY;
  const end = first + rows;
  for (let row = max(next, first); row < end; row++) {
    loadRow<T>(p, image, row, ring + (row % rows) * p.rowBytes, pad);
  }
  for (let ky = 0; ky < p.filterHeight; ky++) {
    const slot = (first + ky * p.dilationY) % rows;
    store<usize>(scratch + (ky << 2), ring + slot * p.rowBytes);
  }
  return end;
}

/** Output columns, 4 at a time, of one panel of 8 channels and one output row. */
@inline
function panelRow(
  p: DepthwiseParameters,
  rows: usize,
  panel: usize,
  channel: i32,
  y: usize,
  strideOne: bool,
  fixed: bool,
): void {
  const channels = p.channels;
  const stepBytes = strideOne ? 64 : 32;
  const tail = panel + p.filterHeight * p.filterSteps * stepBytes;
  const biasLow = v128.load(tail);
  const biasHigh = v128.load(tail, 16);
  const floor = floorOf(p.low, p.zeroPoint);
  const base = baseOf(p.zeroPoint);
  const most = i8x16.splat(<i8>p.high);
  const flip = i32x4.splat(p.outputFlip);
  const width = min(channels - channel, 8);
  const columnStep = p.strideX * channels;
  const tapStep = p.dilationX * channels;
  for (let ox = 0; ox < p.outputWidth; ox += 4) {
    let a0l = biasLow;
    let a0h = biasHigh;
    let a1l = biasLow;
    let a1h = biasHigh;
    let a2l = biasLow;
    let a2h = biasHigh;
    let a3l = biasLow;
    let a3h = biasHigh;
    let w = panel;
    const offset = channel + ox * columnStep;
    for (let ky = 0; ky < p.filterHeight; ky++) {
      let x = load<usize>(rows + (ky << 2)) + offset;
      if (strideOne) {
        let u = v128.load8x8_s(x);
        let v = v128.load8x8_s(x + channels);
        let pl = interleaveLow16(u, v);
        let ph = interleaveHigh16(u, v);
        for (let j = 0; j < p.filterSteps; j++) {
          x += 2 * channels;
          u = v128.load8x8_s(x);
          v = v128.load8x8_s(x + channels);
          const ql = interleaveLow16(u, v);
          const qh = interleaveHigh16(u, v);
          const el = v128.load(w);
          const eh = v128.load(w, 16);
          a0l = i32x4.add(a0l, i32x4.dot_i16x8_s(pl, el));
          a0h = i32x4.add(a0h, i32x4.dot_i16x8_s(ph, eh));
          a2l = i32x4.add(a2l, i32x4.dot_i16x8_s(ql, el));
          a2h = i32x4.add(a2h, i32x4.dot_i16x8_s(qh, eh));
          const ol = v128.load(w, 32);
          const oh = v128.load(w, 48);
          a1l = i32x4.add(a1l, i32x4.dot_i16x8_s(pl, ol));
          a1h = i32x4.add(a1h, i32x4.dot_i16x8_s(ph, oh));
          a3l = i32x4.add(a3l, i32x4.dot_i16x8_s(ql, ol));
          a3h = i32x4.add(a3h, i32x4.dot_i16x8_s(qh, oh));
          pl = ql;
          ph = qh;
          w += 64;
        }
      } else {
        for (let j = 0; j < p.filterSteps; j++) {
          const wl = v128.load(w);
          const wh = v128.load(w, 16);
          let at = x;
          let u = v128.load8x8_s(at);
          let v = v128.load8x8_s(at + tapStep);
          a0l = i32x4.add(a0l, i32x4.dot_i16x8_s(interleaveLow16(u, v), wl));
          a0h = i32x4.add(a0h, i32x4.dot_i16x8_s(interleaveHigh16(u, v), wh));
          at += columnStep;
          u = v128.load8x8_s(at);
          v = v128.load8x8_s(at + tapStep);
          a1l = i32x4.add(a1l, i32x4.dot_i16x8_s(interleaveLow16(u, v), wl));
          a1h = i32x4.add(a1h, i32x4.dot_i16x8_s(interleaveHigh16(u, v), wh));
          at += columnStep;
          u = v128.load8x8_s(at);
          v = v128.load8x8_s(at + tapStep);
          a2l = i32x4.add(a2l, i32x4.dot_i16x8_s(interleaveLow16(u, v), wl));
          a2h = i32x4.add(a2h, i32x4.dot_i16x8_s(interleaveHigh16(u, v), wh));
          at += columnStep;
          u = v128.load8x8_s(at);
          v = v128.load8x8_s(at + tapStep);
          a3l = i32x4.add(a3l, i32x4.dot_i16x8_s(interleaveLow16(u, v), wl));
          a3h = i32x4.add(a3h, i32x4.dot_i16x8_s(interleaveHigh16(u, v), wh));
          x += 2 * tapStep;
          w += 32;
        }
      }
    }
    let y01: v128;
    let y23: v128;
    if (fixed) {
      const space = rows + ((p.filterHeight * 4 + 15) & -16);
      y01 = requantizePair_fixed(p, space, tail, a0l, a0h, a1l, a1h);
      y23 = requantizePair_fixed(p, space, tail, a2l, a2h, a3l, a3h);
    } else {
      const ml = v128.load(tail, 32);
      const mh = v128.load(tail, 48);
      a0l = requantizeFp32(a0l, ml, floor, base);
      a0h = requantizeFp32(a0h, mh, floor, base);
      a1l = requantizeFp32(a1l, ml, floor, base);
      a1h = requantizeFp32(a1h, mh, floor, base);
      a2l = requantizeFp32(a2l, ml, floor, base);
      a2h = requantizeFp32(a2h, mh, floor, base);
      a3l = requantizeFp32(a3l, ml, floor, base);
      a3h = requantizeFp32(a3h, mh, floor, base);
      y01 = narrowPair(a0l, a0h, a1l, a1h);
      y23 = narrowPair(a2l, a2h, a3l, a3h);
    }
    y01 = v128.xor(i8x16.min_s(y01, most), flip);
    y23 = v128.xor(i8x16.min_s(y23, most), flip);
    const count = p.outputWidth - ox;
    if (width == 8) {
      v128.store64_lane(y, y01, 0);
      if (count > 1) v128.store64_lane(y + p.yStride, y01, 1);
      if (count > 2) v128.store64_lane(y + 2 * p.yStride, y23, 0);
      if (count > 3) v128.store64_lane(y + 3 * p.yStride, y23, 1);
    } else {
      storePart64(y, i64x2.extract_lane(y01, 0), width);
      if (count > 1) storePart64(y + p.yStride, i64x2.extract_lane(y01, 1), width);
      if (count > 2) storePart64(y + 2 * p.yStride, i64x2.extract_lane(y23, 0), width);
      if (count > 3) storePart64(y + 3 * p.yStride, i64x2.extract_lane(y23, 1), width);
    }
    y += 4 * p.yStride;
  }
}

/** Two outputs of 8 channels, saturated upwards to int8. */
@inline
function narrowPair(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/** Rule `tflite-reference`: multipliers are (q[8], exponent[8]) behind the bias. */
function requantizePair_fixed(
  p: DepthwiseParameters,
  space: usize,
  tail: usize,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
): v128 {
  v128.store(space, a);
  v128.store(space, b, 16);
  v128.store(space, c, 32);
  v128.store(space, d, 48);
  for (let i: usize = 0; i < 16; i++) {
    const m = tail + ((i & 7) << 2);
    const code = requantizeFixed(
      load<i32>(space + (i << 2)),
      load<i32>(m, 32),
      load<i32>(m, 64),
      p.zeroPoint,
      p.low,
      p.high,
    );
    // Byte i lies before the words still to be read.
    store<i8>(space + i, <i8>code);
  }
  return v128.load(space);
}


@inline
function depthwise_i8(
  parameters: usize,
  scratch: usize,
  tile: i32,
  strideOne: bool,
  fixed: bool,
): void {
  const p = changetype<DepthwiseParameters>(parameters);
  const n = tile / p.tilesPerImage;
  const start = (tile % p.tilesPerImage) * p.tileRows;
  const end = min(start + p.tileRows, p.outputHeight);
  const image = p.x + n * p.inputHeight * p.inputWidth * p.xStride;
  const rowStride = p.outputWidth * p.yStride;
  let y = p.y + (n * p.outputHeight + start) * rowStride;
  let next = 0;
  for (let oy = start; oy < end; oy++) {
    next = advance<u8>(p, scratch, image, oy, next, <u8>p.padCode);
    let panel = p.panels;
    for (let channel = 0; channel < p.channels; channel += 8) {
      panelRow(p, scratch, panel, channel, y + channel, strideOne, fixed);
      panel += p.panelBytes;
    }
    y += rowStride;
  }
}

/** Stride 1, dilation 1 along x. */
export function depthwise_i8_i16_4x8c2_s1(parameters: usize, scratch: usize, tile: i32): void {
  depthwise_i8(parameters, scratch, tile, true, false);
}

/** Any stride and dilation. */
export function depthwise_i8_i16_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  depthwise_i8(parameters, scratch, tile, false, false);
}

/** Any stride and dilation, rule `tflite-reference`. */
export function depthwise_i8_i16_4x8c2_fixed(parameters: usize, scratch: usize, tile: i32): void {
  depthwise_i8(parameters, scratch, tile, false, true);
}

/**
 * float32: sums start at the bias and take one rounded multiply and one rounded add per tap, in the
 * order (ky, kx); a padded tap multiplies 0.
 */
export function depthwise_f32_f32_4x4(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<DepthwiseParameters>(parameters);
  const n = tile / p.tilesPerImage;
  const start = (tile % p.tilesPerImage) * p.tileRows;
  const end = min(start + p.tileRows, p.outputHeight);
  const image = p.x + n * p.inputHeight * p.inputWidth * p.xStride;
  const rowStride = p.outputWidth * p.yStride;
  let y = p.y + (n * p.outputHeight + start) * rowStride;
  let next = 0;
  for (let oy = start; oy < end; oy++) {
    next = advance<f32>(p, scratch, image, oy, next, 0);
    let panel = p.panels;
    for (let channel = 0; channel < p.channels; channel += 4) {
      panelRow_f32(p, scratch, panel, channel, y + (channel << 2));
      panel += p.panelBytes;
    }
    y += rowStride;
  }
}

/** Output columns, 4 at a time, of one panel of 4 channels and one output row. */
@inline
function panelRow_f32(
  p: DepthwiseParameters,
  rows: usize,
  panel: usize,
  channel: i32,
  y: usize,
): void {
  const columnStep = p.strideX * p.channels * 4;
  const tapStep = p.dilationX * p.channels * 4;
  const bias = v128.load(panel + p.filterHeight * p.filterSteps * 16);
  const low = f32x4.splat(p.lowLimit);
  const high = f32x4.splat(p.highLimit);
  const bytes = min(p.channels - channel, 4) * 4;
  for (let ox = 0; ox < p.outputWidth; ox += 4) {
    let a0 = bias;
    let a1 = bias;
    let a2 = bias;
    let a3 = bias;
    let w = panel;
    const offset = channel * 4 + ox * columnStep;
    for (let ky = 0; ky < p.filterHeight; ky++) {
      let x = load<usize>(rows + (ky << 2)) + offset;
      for (let kx = 0; kx < p.filterSteps; kx++) {
        const tap = v128.load(w);
        let at = x;
        a0 = f32x4.add(a0, f32x4.mul(v128.load(at), tap));
        at += columnStep;
        a1 = f32x4.add(a1, f32x4.mul(v128.load(at), tap));
        at += columnStep;
        a2 = f32x4.add(a2, f32x4.mul(v128.load(at), tap));
        at += columnStep;
        a3 = f32x4.add(a3, f32x4.mul(v128.load(at), tap));
        x += tapStep;
        w += 16;
      }
    }
    const count = p.outputWidth - ox;
    a0 = f32x4.pmin(f32x4.pmax(a0, low), high);
    storePart128(y, a0, bytes);
    a1 = f32x4.pmin(f32x4.pmax(a1, low), high);
    if (count > 1) storePart128(y + p.yStride, a1, bytes);
    a2 = f32x4.pmin(f32x4.pmax(a2, low), high);
    if (count > 2) storePart128(y + 2 * p.yStride, a2, bytes);
    a3 = f32x4.pmin(f32x4.pmax(a3, low), high);
    if (count > 3) storePart128(y + 3 * p.yStride, a3, bytes);
    y += 4 * p.yStride;
  }
}
