/**
 * Depthwise convolution on the relaxed dot with accumulation: four taps of four channels at a time.
 *
 *   4 input rows, bytes          a plane: quads side by side
 *   r0 |c0|c1|c2|…|              |c0: r0 r1 r2 r3|c1: r0 r1 r2 r3|…        one vector: 4 channels
 *   r1 |c0|c1|c2|…|   ──────▶
 *   r2 …                         y0 += quad · (w0, w1, w2, 0)
 *   r3 …                         y1 += quad · (0, w0, w1, w2)              y1: the row below y0
 *
 * A filter of 3 rows and stride 1 takes every quad for two output rows (`_2x4x8c4`); any other stride
 * makes one row at a time (`_4x8c4`). Taller filters have several planes. Quads of a column serve all
 * its filter columns, so that interleaving is paid once per input value and two output rows.
 *
 * Operands as in `gemm-dot.ts`: weights first, bytes of x as stored or flipped second. Planes are
 * padded with the zero point as that form writes it; −z_x·Σw is folded into the bias.
 *
 * Bound: a dot grows by at most 4 · 255 · 128 < 2^18 and sums wrap. The plan proves |acc · multiplier|
 * < 2^22, where the sum with 1.5 · 2^23 is an integer in the low bits: no clamp is needed before
 * the saturating narrowing.
 */
import { DepthwiseParameters } from "./depthwise-rows";
import {
  fillRun,
  interleaveHigh16,
  interleaveHigh32,
  interleaveHigh8,
  interleaveLow16,
  interleaveLow32,
  interleaveLow8,
  storePart64,
} from "./lanes";
import { baseOf, magicOf } from "./requantize";


@inline
function dot(w: v128, x: v128, c: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, c);
}

/** Rule fp32 where the scaled sum is known to be small: RNE(f32(acc) · scale) + zeroPoint. */
@inline
function requantize(acc: v128, scale: v128, magic: v128, base: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), magic), base);
}

/** Four rows of `bytes` bytes → quads. Writes up to 60 bytes beyond. */
@inline
function interleaveQuads(
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  to: usize,
  bytes: i32,
  flip: v128,
): void {
  for (let i: usize = 0; i < <usize>bytes; i += 16) {
    const a = v128.xor(v128.load(r0 + i), flip);
    const b = v128.xor(v128.load(r1 + i), flip);
    const c = v128.xor(v128.load(r2 + i), flip);
    const d = v128.xor(v128.load(r3 + i), flip);
    const abl = interleaveLow8(a, b);
    const abh = interleaveHigh8(a, b);
    const cdl = interleaveLow8(c, d);
    const cdh = interleaveHigh8(c, d);
    v128.store(to, interleaveLow16(abl, cdl));
    v128.store(to, interleaveHigh16(abl, cdl), 16);
    v128.store(to, interleaveLow16(abh, cdh), 32);
    v128.store(to, interleaveHigh16(abh, cdh), 48);
    to += 64;
  }
}

/** Planes of one band of output rows: rows outside the image are the row of zero points. */
function loadPlanes(p: DepthwiseParameters, image: usize, first: i32, planes: usize): void {
  const flip = i32x4.splat(p.inputFlip);
  const pad = i8x16.splat(<i8>p.padCode);
  const inside = p.inputWidth * p.channels;
  const quad = p.channels * 4;
  const padRow = planes + p.planes * p.rowBytes;
  const step = p.dilationY;
  let row = first - p.padTop;
  let to = planes;
  for (let plane = 0; plane < p.planes; plane++) {
    const interior = to + p.padLeft * quad;
    fillRun(to, pad, p.padLeft * quad);
    interleaveQuads(
      rowAt(p, image, row, padRow),
      rowAt(p, image, row + step, padRow),
      rowAt(p, image, row + 2 * step, padRow),
      rowAt(p, image, row + 3 * step, padRow),
      interior,
      inside,
      flip,
    );
    fillRun(interior + inside * 4, pad, p.padRight * quad);
    row += 4 * step;
    to += p.rowBytes;
  }
}


@inline
function rowAt(p: DepthwiseParameters, image: usize, row: i32, padRow: usize): usize {
  return <u32>row < <u32>p.inputHeight ? image + row * p.inputWidth * p.xStride : padRow;
}

/** Clamps 16 codes and flips them to the output's sign. */
@inline
function settle(codes: v128, clamps: bool, low: v128, high: v128, flip: v128): v128 {
  if (clamps) codes = i8x16.min_s(i8x16.max_s(codes, low), high);
  return v128.xor(codes, flip);
}

/** Four pixels of eight channels, given as (4 pixels × channels 0..3) and (× channels 4..7). */
@inline
function storePixels(
  y: usize,
  stride: usize,
  left: v128,
  right: v128,
  channels: i32,
  pixels: i32,
): void {
  const y01 = interleaveLow32(left, right);
  const y23 = interleaveHigh32(left, right);
  if (channels >= 8 && pixels >= 4) {
    v128.store64_lane(y, y01, 0);
    v128.store64_lane(y + stride, y01, 1);
    v128.store64_lane(y + 2 * stride, y23, 0);
    v128.store64_lane(y + 3 * stride, y23, 1);
  } else {
    storePixel(y, i64x2.extract_lane(y01, 0), channels);
    if (pixels > 1) storePixel(y + stride, i64x2.extract_lane(y01, 1), channels);
    if (pixels > 2) storePixel(y + 2 * stride, i64x2.extract_lane(y23, 0), channels);
    if (pixels > 3) storePixel(y + 3 * stride, i64x2.extract_lane(y23, 1), channels);
  }
}


@inline
function storePixel(to: usize, codes: u64, channels: i32): void {
  if (channels >= 8) store<u64>(to, codes);
  else storePart64(to, codes, channels);
}

/** Two output rows, four columns at a time; `second`: the lower one exists. */
@inline
function twoRows(p: DepthwiseParameters, planes: usize, y: usize, second: bool, three: bool): void {
  const channels = p.channels;
  const quad = <usize>channels * 4;
  const column = <usize>p.strideX * quad;
  const tap = <usize>p.dilationX * quad;
  const stride = <usize>p.yStride;
  const rowStride = <usize>p.outputWidth * stride;
  const base = baseOf(p.zeroPoint);
  const magic = magicOf(base, p.zeroPoint);
  const flip = i32x4.splat(p.outputFlip);
  const low = i8x16.splat(<i8>p.low);
  const high = i8x16.splat(<i8>p.high);
  const clamps = p.low > -128 || p.high < 127;
  const width = p.outputWidth;
  const groupBytes = <usize>p.filterSteps * 32;
  for (let block = 0; block < width; block += 4) {
    // The last block is moved back over columns that are done: whole stores, the same values.
    const ox = max(min(block, width - 4), 0);
    const pixels = width - ox;
    let x = planes + <usize>ox * column;
    let w = p.panels;
    let to = y + <usize>ox * stride;
    for (let left = channels; left > 0; left -= 8) {
      let top0 = i32x4.splat(0);
      let top1 = top0;
      let bottom0 = top0;
      let bottom1 = top0;
      for (let group = 0; group < 2; group++) {
        top0 = top1;
        bottom0 = bottom1;
        const tail = w + groupBytes;
        const bias = v128.load(tail);
        let a0 = bias;
        let a1 = bias;
        let a2 = bias;
        let a3 = bias;
        let b0 = bias;
        let b1 = bias;
        let b2 = bias;
        let b3 = bias;
        if (three) {
          const x0 = v128.load(x);
          const x1 = v128.load(x + quad);
          const x2 = v128.load(x + 2 * quad);
          const x3 = v128.load(x + 3 * quad);
          let wa = v128.load(w);
          let wb = v128.load(w, 16);
          a0 = dot(wa, x0, a0);
          a1 = dot(wa, x1, a1);
          a2 = dot(wa, x2, a2);
          a3 = dot(wa, x3, a3);
          b0 = dot(wb, x0, b0);
          b1 = dot(wb, x1, b1);
          b2 = dot(wb, x2, b2);
          b3 = dot(wb, x3, b3);
          const x4 = v128.load(x + 4 * quad);
          wa = v128.load(w, 32);
          wb = v128.load(w, 48);
          a0 = dot(wa, x1, a0);
          a1 = dot(wa, x2, a1);
          a2 = dot(wa, x3, a2);
          a3 = dot(wa, x4, a3);
          b0 = dot(wb, x1, b0);
          b1 = dot(wb, x2, b1);
          b2 = dot(wb, x3, b2);
          b3 = dot(wb, x4, b3);
          const x5 = v128.load(x + 5 * quad);
          wa = v128.load(w, 64);
          wb = v128.load(w, 80);
          a0 = dot(wa, x2, a0);
          a1 = dot(wa, x3, a1);
          a2 = dot(wa, x4, a2);
          a3 = dot(wa, x5, a3);
          b0 = dot(wb, x2, b0);
          b1 = dot(wb, x3, b1);
          b2 = dot(wb, x4, b2);
          b3 = dot(wb, x5, b3);
        } else {
          let plane = x;
          while (w < tail) {
            let at = plane;
            for (let kx = 0; kx < p.filterWidth; kx++) {
              const wa = v128.load(w);
              const wb = v128.load(w, 16);
              const x0 = v128.load(at);
              a0 = dot(wa, x0, a0);
              b0 = dot(wb, x0, b0);
              const x1 = v128.load(at + column);
              a1 = dot(wa, x1, a1);
              b1 = dot(wb, x1, b1);
              const x2 = v128.load(at + 2 * column);
              a2 = dot(wa, x2, a2);
              b2 = dot(wb, x2, b2);
              const x3 = v128.load(at + 3 * column);
              a3 = dot(wa, x3, a3);
              b3 = dot(wb, x3, b3);
              at += tap;
              w += 32;
            }
            plane += p.rowBytes;
          }
        }
        const scale = v128.load(tail, 16);
        top1 = narrow(
          requantize(a0, scale, magic, base),
          requantize(a1, scale, magic, base),
          requantize(a2, scale, magic, base),
          requantize(a3, scale, magic, base),
        );
        bottom1 = narrow(
          requantize(b0, scale, magic, base),
          requantize(b1, scale, magic, base),
          requantize(b2, scale, magic, base),
          requantize(b3, scale, magic, base),
        );
        top1 = settle(top1, clamps, low, high, flip);
        bottom1 = settle(bottom1, clamps, low, high, flip);
        w = tail + 32;
        x += 16;
      }
      storePixels(to, stride, top0, top1, left, pixels);
      if (second) storePixels(to + rowStride, stride, bottom0, bottom1, left, pixels);
      to += 8;
    }
  }
}

/** Four vectors of four words → 16 codes. */
@inline
function narrow(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/** One output row, four columns of eight channels at a time. */
@inline
function oneRow(p: DepthwiseParameters, planes: usize, y: usize): void {
  const channels = p.channels;
  const quad = <usize>channels * 4;
  const stride = <usize>p.yStride;
  const base = baseOf(p.zeroPoint);
  const magic = magicOf(base, p.zeroPoint);
  const flip = i32x4.splat(p.outputFlip);
  const low = i8x16.splat(<i8>p.low);
  const high = i8x16.splat(<i8>p.high);
  const clamps = p.low > -128 || p.high < 127;
  const width = p.outputWidth;
  const column = <usize>p.strideX * quad;
  const tap = <usize>p.dilationX * quad;
  const groupBytes = <usize>p.filterSteps * 16 + 32;
  for (let block = 0; block < width; block += 4) {
    const ox = max(min(block, width - 4), 0);
    const pixels = width - ox;
    let x = planes + <usize>ox * column;
    let w = p.panels;
    let to = y + <usize>ox * stride;
    for (let left = channels; left > 0; left -= 8) {
      const tail = w + groupBytes - 32;
      const bias = v128.load(tail);
      const biasHigh = v128.load(tail + groupBytes);
      let a0 = bias;
      let a1 = bias;
      let a2 = bias;
      let a3 = bias;
      let b0 = biasHigh;
      let b1 = biasHigh;
      let b2 = biasHigh;
      let b3 = biasHigh;
      let plane = x;
      while (w < tail) {
        let at = plane;
        for (let kx = 0; kx < p.filterWidth; kx++) {
          const wa = v128.load(w);
          const wb = v128.load(w + groupBytes);
          a0 = dot(wa, v128.load(at), a0);
          b0 = dot(wb, v128.load(at, 16), b0);
          let next = at + column;
          a1 = dot(wa, v128.load(next), a1);
          b1 = dot(wb, v128.load(next, 16), b1);
          next += column;
          a2 = dot(wa, v128.load(next), a2);
          b2 = dot(wb, v128.load(next, 16), b2);
          next += column;
          a3 = dot(wa, v128.load(next), a3);
          b3 = dot(wb, v128.load(next, 16), b3);
          at += tap;
          w += 16;
        }
        plane += p.rowBytes;
      }
      const scale = v128.load(tail, 16);
      const scaleHigh = v128.load(tail + groupBytes, 16);
      const lowHalf = narrow(
        requantize(a0, scale, magic, base),
        requantize(a1, scale, magic, base),
        requantize(a2, scale, magic, base),
        requantize(a3, scale, magic, base),
      );
      const highHalf = narrow(
        requantize(b0, scaleHigh, magic, base),
        requantize(b1, scaleHigh, magic, base),
        requantize(b2, scaleHigh, magic, base),
        requantize(b3, scaleHigh, magic, base),
      );
      storePixels(
        to,
        stride,
        settle(lowHalf, clamps, low, high, flip),
        settle(highHalf, clamps, low, high, flip),
        left,
        pixels,
      );
      w = tail + 32 + groupBytes;
      x += 32;
      to += 8;
    }
  }
}

/** Output rows of a tile, `rows` at a time. */
@inline
function depthwiseDot(parameters: usize, scratch: usize, tile: i32, rows: i32, three: bool): void {
  const p = changetype<DepthwiseParameters>(parameters);
  const n = tile / p.tilesPerImage;
  const start = (tile % p.tilesPerImage) * p.tileRows;
  const end = min(start + p.tileRows, p.outputHeight);
  const image = p.x + n * p.inputHeight * p.inputWidth * p.xStride;
  const rowStride = p.outputWidth * p.yStride;
  let y = p.y + (n * p.outputHeight + start) * rowStride;
  // Rows of zero points, as x would hold them.
  const pad = v128.xor(i8x16.splat(<i8>p.padCode), i32x4.splat(p.inputFlip));
  fillRun(scratch + p.planes * p.rowBytes, pad, p.inputWidth * p.channels);
  for (let oy = start; oy < end; oy += rows) {
    loadPlanes(p, image, oy * p.strideY, scratch);
    if (rows == 2) twoRows(p, scratch, y, oy + 1 < end, three);
    else oneRow(p, scratch, y);
    y += rows * rowStride;
  }
}

/** Filter 3x3, stride 1. */
export function depthwise_x8_i8_2x4x8c4_k3_relaxed(
  parameters: usize,
  scratch: usize,
  tile: i32,
): void {
  depthwiseDot(parameters, scratch, tile, 2, true);
}

/** Rows with stride and dilation 1. */
export function depthwise_x8_i8_2x4x8c4_relaxed(
  parameters: usize,
  scratch: usize,
  tile: i32,
): void {
  depthwiseDot(parameters, scratch, tile, 2, false);
}

/** Any stride and dilation. */
export function depthwise_x8_i8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  depthwiseDot(parameters, scratch, tile, 1, false);
}
