/**
 * Depthwise convolution of FP6 E2M3 and FP4 E2M1 on the relaxed dot: `depthwise-dot.ts` with the output
 * stage of `minifloat-output.ts`. A group of 4 channels: weights as int8, then int32 start[4], f32
 * multiplier[4], f32 bias[4].
 */
import { depthwiseDot } from "./depthwise-dot";
import { DepthwiseParameters } from "./depthwise-rows";
import { stepsOf, unitsByRule } from "./minifloat-output";


@unmanaged
class UnitsOfPixels extends DepthwiseParameters {
  rule: i32;
  unitTable: usize;


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
    return i8x16.narrow_i16x8_u(stepsOf(a, b, m, m, bias, bias), stepsOf(c, d, m, m, bias, bias));
  }


  @inline
  settle(steps: v128, most: v128, shift: v128): v128 {
    return unitsByRule(steps, this.unitTable, this.rule);
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
