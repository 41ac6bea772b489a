/**
 * Depthwise convolution: y[oy, ox, c] = out(bias[c] + Σ x[oy·s + ky·d − pad, …, c] · w[ky, kx, c]).
 *
 * A tile is some output rows of one image, whose input rows lie padded in a ring (depthwise-rows.ts).
 * Codes are int8 there; uint8 results are flipped back at the store. −z_x·Σw is folded into the bias.
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
import { advance, DepthwiseParameters } from "./depthwise-rows";
import { interleaveHigh16, interleaveLow16, storePart64 } from "./lanes";
import { requantizeFixedFactors } from "./requantize/fixed-point";
import { baseOf, floorOf, magicOf, requantizeMagic } from "./requantize/fp32";

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
  const magic = magicOf(base, p.zeroPoint);
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
    if (fixed) {
      const ql = v128.load(tail, 32);
      const qh = v128.load(tail, 48);
      const ll = v128.load(tail, 64);
      const lh = v128.load(tail, 80);
      const rl = v128.load(tail, 96);
      const rh = v128.load(tail, 112);
      a0l = finishFixed(p, a0l, ql, ll, rl);
      a0h = finishFixed(p, a0h, qh, lh, rh);
      a1l = finishFixed(p, a1l, ql, ll, rl);
      a1h = finishFixed(p, a1h, qh, lh, rh);
      a2l = finishFixed(p, a2l, ql, ll, rl);
      a2h = finishFixed(p, a2h, qh, lh, rh);
      a3l = finishFixed(p, a3l, ql, ll, rl);
      a3h = finishFixed(p, a3h, qh, lh, rh);
    } else {
      const ml = v128.load(tail, 32);
      const mh = v128.load(tail, 48);
      a0l = requantizeMagic(a0l, ml, magic, floor, base);
      a0h = requantizeMagic(a0h, mh, magic, floor, base);
      a1l = requantizeMagic(a1l, ml, magic, floor, base);
      a1h = requantizeMagic(a1h, mh, magic, floor, base);
      a2l = requantizeMagic(a2l, ml, magic, floor, base);
      a2h = requantizeMagic(a2h, mh, magic, floor, base);
      a3l = requantizeMagic(a3l, ml, magic, floor, base);
      a3h = requantizeMagic(a3h, mh, magic, floor, base);
    }
    let y01 = narrowPair(a0l, a0h, a1l, a1h);
    let y23 = narrowPair(a2l, a2h, a3l, a3h);
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

/** Rule `tflite-reference`, four lanes: codes with the zero point in, clamped. */
@inline
function finishFixed(p: DepthwiseParameters, acc: v128, q: v128, left: v128, right: v128): v128 {
  const scaled = requantizeFixedFactors(acc, q, left, right, i32x4.splat(-1));
  // Clamped before the zero point is added: the sum may leave int32.
  const low = i32x4.splat(p.low - p.zeroPoint);
  const high = i32x4.splat(p.high - p.zeroPoint);
  return i32x4.add(i32x4.min_s(i32x4.max_s(scaled, low), high), i32x4.splat(p.zeroPoint));
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
  const pad = i8x16.splat(<i8>p.padCode);
  let next = 0;
  for (let oy = start; oy < end; oy++) {
    next = advance<u8>(p, scratch, image, oy, next, pad);
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
