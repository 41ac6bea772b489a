/** Rule fp32 of docs/exactness.md, in vectors of four. */
import { OutputParameters } from "./output";

/** 1.5 · 2^23: adding it to |f| ≤ 2^22 rounds f to an integer, ties to even, in the low bits. */
export const MAGIC: f32 = 12582912.0;
/** The bits of MAGIC. */
export const MAGIC_BITS: i32 = 0x4b400000;

/**
 * Rule fp32, four lanes: RNE(f32(acc) · scale) + zeroPoint, clamped from below; the saturating
 * narrowing of `storeRow` clamps from above. `floor` = MAGIC_BITS + low − zeroPoint, `base` =
 * MAGIC_BITS − zeroPoint. Exact: while |f| ≤ 2^22 the sum f + MAGIC is a true integer; beyond, the
 * bits of positive floats are ordered like integers and those of negative floats are negative.
 */
@inline
export function requantizeFp32(acc: v128, scale: v128, floor: v128, base: v128): v128 {
  const rounded = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), f32x4.splat(MAGIC));
  return i32x4.sub(i32x4.max_s(rounded, floor), base);
}

/** `requantizeFp32` with its constant in a register. `magic`: `magicOf`. */
@inline
export function requantizeMagic(
  acc: v128,
  scale: v128,
  magic: v128,
  floor: v128,
  base: v128,
): v128 {
  const rounded = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), magic);
  return i32x4.sub(i32x4.max_s(rounded, floor), base);
}

/** The last steps of rule fp32 for results that are float already: RNE(scaled) + zeroPoint. */
@inline
export function roundFp32(scaled: v128, floor: v128, base: v128): v128 {
  return i32x4.sub(i32x4.max_s(f32x4.add(scaled, f32x4.splat(MAGIC)), floor), base);
}

/** `floor` of `requantizeFp32` and `roundFp32`. */
@inline
export function floorOf(low: i32, zeroPoint: i32): v128 {
  return i32x4.splat(MAGIC_BITS + low - zeroPoint);
}

/** `base` of `requantizeFp32` and `roundFp32`. */
@inline
export function baseOf(zeroPoint: i32): v128 {
  return i32x4.splat(MAGIC_BITS - zeroPoint);
}

/** MAGIC in four lanes, as a sum that the engine keeps in a register instead of building it anew. */
@inline
export function magicOf(base: v128, zeroPoint: i32): v128 {
  return i32x4.add(base, i32x4.splat(zeroPoint));
}

/**
 * Puts the constants of `storeRows` behind its 64 bytes of scratch: floor, base, high, flip. In
 * registers they would push accumulators of a tile to the stack.
 */
export function storeConstants(p: OutputParameters, scratch: usize): void {
  v128.store(scratch, floorOf(p.low, p.zeroPoint), 64);
  v128.store(scratch, baseOf(p.zeroPoint), 80);
  v128.store(scratch, i8x16.splat(<i8>p.high), 96);
  v128.store(scratch, i8x16.splat(<i8>p.flip), 112);
}
