/**
 * The tiles of `depthwise-dot.ts`: planes of quads → output rows, 4 columns of 8 channels at a time.
 *
 *   two rows:  8 accumulators of 4 channels: 4 columns × upper and lower row; then the next 4 channels
 *   one row:   8 accumulators: 4 columns × 2 groups of 4 channels
 *
 * Taps are a loop even for 3x3: unrolled, the engine moves each accumulator's dots into one chain, and
 * the chains' latency costs 10 %. A group of 4 channels: weights, then its tail: bias[4], multipliers[4].
 */
import { DepthwiseParameters } from "./depthwise-rows";
import { interleaveHigh32, interleaveLow32, storePart64 } from "./lanes";
import { baseOf, magicOf } from "./requantize/fp32";


@inline
function dot(w: v128, x: v128, c: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, c);
}

/**
 * What becomes of accumulators: codes by rule fp32 where the scaled sum is known to be small, so that
 * RNE(f32(acc) · scale) + zeroPoint needs no clamp before it is narrowed. A rule is laid over the
 * parameter block; another one is that of `depthwise-minifloat.ts`.
 *
 * Codes are computed less `lift`, so that the narrowing saturates at `low`. `shift` puts it back; the flip of
 * the top bit is an addition too.
 */
@unmanaged
export class CodesRule extends DepthwiseParameters {
  /** Behind the weights of a group of 4 channels. */
  @inline
  tailBytes(): usize {
    return 32;
  }


  @inline
  shift(): v128 {
    return i8x16.splat(<i8>(liftOf(this) + this.outputFlip));
  }

  /** Accumulators of four pixels × four channels → 16 codes less `lift`. */
  @inline
  narrow(a: v128, b: v128, c: v128, d: v128, tail: usize, magic: v128, base: v128): v128 {
    const scale = v128.load(tail, 16);
    const ab = i16x8.narrow_i32x4_s(
      requantize(a, scale, magic, base),
      requantize(b, scale, magic, base),
    );
    const cd = i16x8.narrow_i32x4_s(
      requantize(c, scale, magic, base),
      requantize(d, scale, magic, base),
    );
    return i8x16.narrow_i16x8_s(ab, cd);
  }

  /** 16 of them as they are stored. */
  @inline
  settle(codes: v128, most: v128, shift: v128): v128 {
    return i8x16.add(i8x16.min_s(codes, most), shift);
  }
}


@inline
function requantize(acc: v128, scale: v128, magic: v128, base: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), magic), base);
}


@inline
export function liftOf(p: DepthwiseParameters): i32 {
  return p.low + 128;
}


@inline
function mostOf(p: DepthwiseParameters): v128 {
  return i8x16.splat(<i8>(p.high - liftOf(p)));
}

/**
 * Stores four pixels of eight channels, given as 4 pixels × channels 0..3 and × channels 4..7, of which
 * `pixels` and `channels` exist.
 */
@inline
function storePixels<R>(
  rule: R,
  y: usize,
  stride: usize,
  left: v128,
  right: v128,
  most: v128,
  shift: v128,
  channels: i32,
  pixels: i32,
): void {
  const y01 = rule.settle(interleaveLow32(left, right), most, shift);
  const y23 = rule.settle(interleaveHigh32(left, right), most, shift);
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

function storePixel(to: usize, codes: u64, channels: i32): void {
  if (channels >= 8) store<u64>(to, codes);
  else storePart64(to, codes, channels);
}

/** Two output rows, stride 1. Weights per tap: upper row, lower row. `second`: the lower one exists. */
@inline
export function twoRows<R>(p: DepthwiseParameters, planes: usize, y: usize, second: bool): void {
  const rule = changetype<R>(p);
  const tailBytes = rule.tailBytes();
  const stride = <usize>p.yStride;
  const rowStride = <usize>p.outputWidth * stride;
  const base = baseOf(p.zeroPoint - liftOf(p));
  const magic = magicOf(base, p.zeroPoint - liftOf(p));
  const most = mostOf(p);
  const shift = rule.shift();
  const width = p.outputWidth;
  const quad = <usize>p.channels * 4;
  const tap = <usize>p.dilationX * quad;
  const line = <usize>p.filterWidth * 32;
  const plane = <usize>p.rowBytes;
  const weights = <usize>p.filterSteps * 32;
  for (let block = 0; block < width; block += 4) {
    // The last block is moved back over columns that are done: whole stores of the same values.
    const ox = max(min(block, width - 4), 0);
    let x = planes + <usize>ox * quad;
    let to = y + <usize>ox * stride;
    let w = p.panels;
    for (let channels = p.channels; channels > 0; channels -= 8) {
      let tail = w + weights;
      let bias = v128.load(tail);
      let a0 = bias;
      let a1 = bias;
      let a2 = bias;
      let a3 = bias;
      let b0 = bias;
      let b1 = bias;
      let b2 = bias;
      let b3 = bias;
      let at = x;
      while (w < tail) {
        const end = w + line;
        let v = at;
        while (w < end) {
          const wa = v128.load(w);
          const wb = v128.load(w, 16);
          const x0 = v128.load(v);
          a0 = dot(wa, x0, a0);
          b0 = dot(wb, x0, b0);
          const x1 = v128.load(v + quad);
          a1 = dot(wa, x1, a1);
          b1 = dot(wb, x1, b1);
          const x2 = v128.load(v + 2 * quad);
          a2 = dot(wa, x2, a2);
          b2 = dot(wb, x2, b2);
          const x3 = v128.load(v + 3 * quad);
          a3 = dot(wa, x3, a3);
          b3 = dot(wb, x3, b3);
          w += 32;
          v += tap;
        }
        at += plane;
      }
      const upperLeft = rule.narrow(a0, a1, a2, a3, tail, magic, base);
      const lowerLeft = rule.narrow(b0, b1, b2, b3, tail, magic, base);

      // The same for channels 4..7: a loop over both would carry the codes through memory.
      w = tail + tailBytes;
      tail = w + weights;
      bias = v128.load(tail);
      a0 = bias;
      a1 = bias;
      a2 = bias;
      a3 = bias;
      b0 = bias;
      b1 = bias;
      b2 = bias;
      b3 = bias;
      at = x + 16;
      while (w < tail) {
        const end = w + line;
        let v = at;
        while (w < end) {
          const wa = v128.load(w);
          const wb = v128.load(w, 16);
          const x0 = v128.load(v);
          a0 = dot(wa, x0, a0);
          b0 = dot(wb, x0, b0);
          const x1 = v128.load(v + quad);
          a1 = dot(wa, x1, a1);
          b1 = dot(wb, x1, b1);
          const x2 = v128.load(v + 2 * quad);
          a2 = dot(wa, x2, a2);
          b2 = dot(wb, x2, b2);
          const x3 = v128.load(v + 3 * quad);
          a3 = dot(wa, x3, a3);
          b3 = dot(wb, x3, b3);
          w += 32;
          v += tap;
        }
        at += plane;
      }
      const upper = rule.narrow(a0, a1, a2, a3, tail, magic, base);
      const lower = rule.narrow(b0, b1, b2, b3, tail, magic, base);
      storePixels<R>(rule, to, stride, upperLeft, upper, most, shift, channels, width);
      if (second) {
        storePixels<R>(
          rule,
          to + rowStride,
          stride,
          lowerLeft,
          lower,
          most,
          shift,
          channels,
          width,
        );
      }
      w = tail + tailBytes;
      x += 32;
      to += 8;
    }
  }
}

/** One output row, any stride and dilation. */
@inline
export function oneRow<R>(p: DepthwiseParameters, planes: usize, y: usize): void {
  const rule = changetype<R>(p);
  const tailBytes = rule.tailBytes();
  const stride = <usize>p.yStride;
  const base = baseOf(p.zeroPoint - liftOf(p));
  const magic = magicOf(base, p.zeroPoint - liftOf(p));
  const most = mostOf(p);
  const shift = rule.shift();
  const width = p.outputWidth;
  const quad = <usize>p.channels * 4;
  const column = <usize>p.strideX * quad;
  const tap = <usize>p.dilationX * quad;
  const plane = <usize>p.rowBytes;
  const weights = <usize>p.filterSteps * 16;
  const group = weights + tailBytes;
  for (let block = 0; block < width; block += 4) {
    const ox = max(min(block, width - 4), 0);
    let x = planes + <usize>ox * column;
    let to = y + <usize>ox * stride;
    let w = p.panels;
    for (let channels = p.channels; channels > 0; channels -= 8) {
      const tail = w + weights;
      let bias = v128.load(tail);
      let a0 = bias;
      let a1 = bias;
      let a2 = bias;
      let a3 = bias;
      bias = v128.load(tail + group);
      let b0 = bias;
      let b1 = bias;
      let b2 = bias;
      let b3 = bias;
      let at = x;
      while (w < tail) {
        let v = at;
        for (let kx = 0; kx < p.filterWidth; kx++) {
          const wa = v128.load(w);
          const wb = v128.load(w + group);
          a0 = dot(wa, v128.load(v), a0);
          b0 = dot(wb, v128.load(v, 16), b0);
          let next = v + column;
          a1 = dot(wa, v128.load(next), a1);
          b1 = dot(wb, v128.load(next, 16), b1);
          next += column;
          a2 = dot(wa, v128.load(next), a2);
          b2 = dot(wb, v128.load(next, 16), b2);
          next += column;
          a3 = dot(wa, v128.load(next), a3);
          b3 = dot(wb, v128.load(next, 16), b3);
          w += 16;
          v += tap;
        }
        at += plane;
      }
      const left = rule.narrow(a0, a1, a2, a3, tail, magic, base);
      const right = rule.narrow(b0, b1, b2, b3, tail + group, magic, base);
      storePixels<R>(rule, to, stride, left, right, most, shift, channels, width);
      w = tail + tailBytes + group;
      x += 32;
      to += 8;
    }
  }
}
