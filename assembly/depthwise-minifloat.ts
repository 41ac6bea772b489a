/**
 * Depthwise convolution of FP6 E2M3 and FP4 E2M1 on the relaxed dot: `depthwise-dot.ts` with the output
 * stage of `minifloat-output.ts`. A group of 4 channels: weights as int8, then int32 start[4], f32
 * multiplier[4], f32 bias[4].
 */
import { depthwiseDot } from "./depthwise-dot";
import { DepthwiseParameters } from "./depthwise-rows";
import { settlePositive, settleSigned, stepsOf } from "./minifloat-output";


@unmanaged
class UnitsOfPixels extends DepthwiseParameters {
  /** The largest steps of 1 and of 2. */
  finest: i32;
  finer: i32;
  /** What units are flipped by; 0, or −1 to flip. */
  unitFlip: i32;
  more: i32;


  @inline
  tailBytes(): usize {
    return 48;
  }


  @inline
  shift(): v128 {
    return i8x16.splat(0);
  }


  @inline
  narrow(a: v128, b: v128, c: v128, d: v128, tail: usize, magic: v128, base: v128): v128 {
    const m = v128.load(tail, 16);
    const bias = v128.load(tail, 32);
    const ab = stepsOf(a, b, m, m, bias, bias);
    const cd = stepsOf(c, d, m, m, bias, bias);
    return this.low < 0 ? i8x16.narrow_i16x8_s(ab, cd) : i8x16.narrow_i16x8_u(ab, cd);
  }


  @inline
  settle(steps: v128, most: v128, shift: v128): v128 {
    const p = changetype<usize>(this);
    const high = v128.load8_splat(p, offsetof<UnitsOfPixels>("high"));
    const finest = v128.load8_splat(p, offsetof<UnitsOfPixels>("finest"));
    const finer = v128.load8_splat(p, offsetof<UnitsOfPixels>("finer"));
    if (this.low < 0) {
      const low = v128.load8_splat(p, offsetof<UnitsOfPixels>("low"));
      const flip = v128.load8_splat(p, offsetof<UnitsOfPixels>("unitFlip"));
      return settleSigned(steps, low, high, finest, finer, flip);
    }
    const more = v128.load8_splat(p, offsetof<UnitsOfPixels>("more"));
    return settlePositive(steps, high, finest, finer, more);
  }
}

/** Stride 1. */
export function depthwise_x8_w8_2x4x8c4_relaxed(
  parameters: usize,
  scratch: usize,
  tile: i32,
): void {
  depthwiseDot<UnitsOfPixels>(changetype<UnitsOfPixels>(parameters), scratch, tile, 2);
}

/** Any stride and dilation. */
export function depthwise_x8_w8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  depthwiseDot<UnitsOfPixels>(changetype<UnitsOfPixels>(parameters), scratch, tile, 1);
}
