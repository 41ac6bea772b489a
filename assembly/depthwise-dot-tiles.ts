/**
 * The tiles of `depthwise-dot.ts`: planes of quads → output rows, 4 columns of 8 channels at a time.
 *
 *   two rows:  8 accumulators of 4 channels: 4 columns × upper and lower row; then the next 4 channels
 *   one row:   8 accumulators: 4 columns × 2 groups of 4 channels
 *
 * Taps are a loop even for 3x3: unrolled, the engine moves each accumulator's dots into one chain, and
 * the chains' latency costs 10 %. A group of 4 channels: weights, then its tail: bias[4], multipliers[4].
 */
import { liftOf, mostOf, storePixels } from "./depthwise-dot-codes";
import { DepthwiseParameters } from "./depthwise-rows";
import { baseOf, magicOf } from "./requantize/fp32";


@inline
function dot(w: v128, x: v128, c: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, c);
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
