/**
 * The matrix-product family on the relaxed dot with accumulation: four k per lane and instruction,
 * where the machine has it as one instruction.
 *
 * Tile 4x8, a unit u is four neighbouring k as bytes:
 *
 *                      w: 8 columns of one panel, int8
 *                   ┌ u,n0 u,n1 u,n2 u,n3 │ u,n4 … u,n7 ┐
 *     a: 4 rows     │                                   │
 *       u,m0 splat  │  c0l                │  c0h        │   c += Σ of four a·w
 *       …           │  …                  │  …          │   8 accumulators, 2 of w, 1 of a
 *       u,m3 splat  │  c3l                │  c3h        │
 *                   └                                   ┘
 *
 * The instruction is not the same everywhere: its second operand is unsigned on x64 (class `usdot`),
 * signed on Arm (`sdot`); the first is signed on both, and neither saturates. Weights come first. The
 * plan asks for these kernels only where the start-up probe found one of the two, and packs
 * activations as that class reads them: a byte whose top bit is flipped is the code shifted by 128,
 * which the folded bias takes back, bias − (zeroPoint ± 128) · Σw. The sum is exact in both classes.
 *
 * Bound: |w| ≤ 128, |a| ≤ 255, so a lane grows by at most 4 · 255 · 128 < 2^18 a step; sums wrap
 * harmlessly, the final one is proven to fit by `infer`.
 */
import { ConvParameters } from "./conv";
import { IndirectParameters } from "./conv-indirect";
import { FlippedQuads, Quads } from "./formats/quads";
import { GemmParameters, integerTile } from "./gemm";

/** Bytes of one unit of a panel: 8 columns of 4 k. */
const PANEL_UNIT: usize = 32;


@inline
function dot(w: v128, a: v128, c: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, a, c);
}

/** Panels of quads of int8 weights. */
@unmanaged
class QuadsOfInt8 {
  /** 4 rows × 8 columns, all of k, as in `gemm.ts`. */
  @inline
  tile4x8<R>(rule: R, a: usize, units: i32, to: usize, floor: v128, base: v128): void {
    let w = changetype<usize>(this);
    const tail = w + <usize>units * PANEL_UNIT;
    let c0l = v128.load(tail);
    let c0h = v128.load(tail, 16);
    let c1l = c0l;
    let c1h = c0h;
    let c2l = c0l;
    let c2h = c0h;
    let c3l = c0l;
    let c3h = c0h;
    while (w < tail) {
      const w0l = v128.load(w);
      const w0h = v128.load(w, 16);
      const a00 = v128.load32_splat(a);
      c0l = dot(w0l, a00, c0l);
      c0h = dot(w0h, a00, c0h);
      const a01 = v128.load32_splat(a, 4);
      c1l = dot(w0l, a01, c1l);
      c1h = dot(w0h, a01, c1h);
      const a02 = v128.load32_splat(a, 8);
      c2l = dot(w0l, a02, c2l);
      c2h = dot(w0h, a02, c2h);
      const a03 = v128.load32_splat(a, 12);
      c3l = dot(w0l, a03, c3l);
      c3h = dot(w0h, a03, c3h);

      const w1l = v128.load(w, 32);
      const w1h = v128.load(w, 48);
      const a10 = v128.load32_splat(a, 16);
      c0l = dot(w1l, a10, c0l);
      c0h = dot(w1h, a10, c0h);
      const a11 = v128.load32_splat(a, 20);
      c1l = dot(w1l, a11, c1l);
      c1h = dot(w1h, a11, c1h);
      const a12 = v128.load32_splat(a, 24);
      c2l = dot(w1l, a12, c2l);
      c2h = dot(w1h, a12, c2h);
      const a13 = v128.load32_splat(a, 28);
      c3l = dot(w1l, a13, c3l);
      c3h = dot(w1h, a13, c3h);
      a += 32;
      w += 2 * PANEL_UNIT;
    }
    const sl = v128.load(tail, 32);
    const sh = v128.load(tail, 48);
    v128.store(to, rule.finish(c0l, sl, floor, base));
    v128.store(to, rule.finish(c0h, sh, floor, base), 16);
    v128.store(to, rule.finish(c1l, sl, floor, base), 32);
    v128.store(to, rule.finish(c1h, sh, floor, base), 48);
    v128.store(to, rule.finish(c2l, sl, floor, base), 64);
    v128.store(to, rule.finish(c2h, sh, floor, base), 80);
    v128.store(to, rule.finish(c3l, sl, floor, base), 96);
    v128.store(to, rule.finish(c3h, sh, floor, base), 112);
    rule.settle(to, tail + 32);
    rule.settle(to + 32, tail + 32);
    rule.settle(to + 64, tail + 32);
    rule.settle(to + 96, tail + 32);
  }

  /** 1 row × 8 columns. */
  @inline
  tile1x8<R>(rule: R, a: usize, units: i32, to: usize, floor: v128, base: v128): void {
    let w = changetype<usize>(this);
    const tail = w + <usize>units * PANEL_UNIT;
    let cl = v128.load(tail);
    let ch = v128.load(tail, 16);
    while (w < tail) {
      const a0 = v128.load32_splat(a);
      cl = dot(v128.load(w), a0, cl);
      ch = dot(v128.load(w, 16), a0, ch);
      const a1 = v128.load32_splat(a, 4);
      cl = dot(v128.load(w, 32), a1, cl);
      ch = dot(v128.load(w, 48), a1, ch);
      a += 8;
      w += 2 * PANEL_UNIT;
    }
    v128.store(to, rule.finish(cl, v128.load(tail, 32), floor, base));
    v128.store(to, rule.finish(ch, v128.load(tail, 48), floor, base), 16);
    rule.settle(to, tail + 32);
  }
}

/** Bytes as they are · int8. */
export function gemm_x8_i8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<GemmParameters, Quads, QuadsOfInt8>(
    changetype<GemmParameters>(parameters),
    scratch,
    tile,
  );
}

/** Flipped bytes · int8. */
export function gemm_f8_i8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<GemmParameters, FlippedQuads, QuadsOfInt8>(
    changetype<GemmParameters>(parameters),
    scratch,
    tile,
  );
}

/** Bytes as they are · int8, windows copied. */
export function conv_x8_i8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<ConvParameters, Quads, QuadsOfInt8>(
    changetype<ConvParameters>(parameters),
    scratch,
    tile,
  );
}

/** Flipped bytes · int8, windows copied. */
export function conv_f8_i8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<ConvParameters, FlippedQuads, QuadsOfInt8>(
    changetype<ConvParameters>(parameters),
    scratch,
    tile,
  );
}

/** Bytes as they are · int8, windows by table. */
export function igemm_x8_i8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<IndirectParameters, Quads, QuadsOfInt8>(
    changetype<IndirectParameters>(parameters),
    scratch,
    tile,
  );
}

/** Flipped bytes · int8, windows by table. */
export function igemm_f8_i8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<IndirectParameters, FlippedQuads, QuadsOfInt8>(
    changetype<IndirectParameters>(parameters),
    scratch,
    tile,
  );
}
