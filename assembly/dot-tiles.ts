/**
 * Tiles of the relaxed dot with accumulation: four k per lane and instruction, where the machine has it
 * as one instruction.
 *
 * Tile 6x8, a unit u is four neighbouring k as bytes. Rows of `a` lie one after the other as bytes, so
 * that packing is a copy, or nothing; six row pointers run along them:
 *
 *                      w: 8 columns of one panel, int8
 *                   ┌ u,n0 u,n1 u,n2 u,n3 │ u,n4 … u,n7 ┐
 *     a: 6 rows     │                                   │
 *       row 0 splat │  c0l                │  c0h        │   c += Σ of four w·a
 *       …           │  …                  │  …          │   12 accumulators, 2 of w, 1 of a:
 *       row 5 splat │  c5l                │  c5h        │   all 15 vectors of x64
 *                   └                                   ┘
 *
 * 10 sums hide the latency of the dot (5 cycles, two a cycle) without a cycle to spare, 12 with two; 8 do not.
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
/** Rows of a tile. */
export const MR: i32 = 6;
/** Bytes of one unit of a panel: 8 columns of 4 k. */
export const PANEL_UNIT: usize = 32;


@inline
function dot(w: v128, a: v128, c: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, a, c);
}

/**
 * 6 rows × 8 columns, all of k. `a0` … `a5` are the rows, `row` the places of the results in y. A byte is
 * read every `pace` bytes from `ahead` on, once per step: what is multiplied next comes nearer.
 */
@inline
export function tile6x8<R>(
  rule: R,
  a: usize,
  stride: usize,
  left: i32,
  w: usize,
  units: i32,
  y: usize,
  row: usize,
  columns: i32,
  scratch: usize,
  ahead: usize,
  pace: usize,
): void {
  // Rows beyond the last are the last: they give its results again, in its place.
  let a0 = a;
  let a1 = a0 + (left > 1 ? stride : 0);
  let a2 = a1 + (left > 2 ? stride : 0);
  let a3 = a2 + (left > 3 ? stride : 0);
  let a4 = a3 + (left > 4 ? stride : 0);
  let a5 = a4 + (left > 5 ? stride : 0);
  const tail = w + <usize>units * PANEL_UNIT;
  let c0l = v128.load(tail);
  let c0h = v128.load(tail, 16);
  let c1l = c0l;
  let c1h = c0h;
  let c2l = c0l;
  let c2h = c0h;
  let c3l = c0l;
  let c3h = c0h;
  let c4l = c0l;
  let c4h = c0h;
  let c5l = c0l;
  let c5h = c0h;
  // Two units a step, the loop left in its middle: the optimizer would make one chain of two dots that
  // follow each other without a branch, and keep all operands of a step in registers.
  const last = tail - PANEL_UNIT;
  while (w < tail) {
    const wl = v128.load(w);
    const wh = v128.load(w, 16);
    const x0 = v128.load32_splat(a0);
    c0l = dot(wl, x0, c0l);
    c0h = dot(wh, x0, c0h);
    const x1 = v128.load32_splat(a1);
    c1l = dot(wl, x1, c1l);
    c1h = dot(wh, x1, c1h);
    const x2 = v128.load32_splat(a2);
    c2l = dot(wl, x2, c2l);
    c2h = dot(wh, x2, c2h);
    const x3 = v128.load32_splat(a3);
    c3l = dot(wl, x3, c3l);
    c3h = dot(wh, x3, c3h);
    const x4 = v128.load32_splat(a4);
    c4l = dot(wl, x4, c4l);
    c4h = dot(wh, x4, c4h);
    const x5 = v128.load32_splat(a5);
    c5l = dot(wl, x5, c5l);
    c5h = dot(wh, x5, c5h);
    if (w == last) break;
    const wl2 = v128.load(w, 32);
    const wh2 = v128.load(w, 48);
    const x02 = v128.load32_splat(a0, 4);
    c0l = dot(wl2, x02, c0l);
    c0h = dot(wh2, x02, c0h);
    const x12 = v128.load32_splat(a1, 4);
    c1l = dot(wl2, x12, c1l);
    c1h = dot(wh2, x12, c1h);
    const x22 = v128.load32_splat(a2, 4);
    c2l = dot(wl2, x22, c2l);
    c2h = dot(wh2, x22, c2h);
    const x32 = v128.load32_splat(a3, 4);
    c3l = dot(wl2, x32, c3l);
    c3h = dot(wh2, x32, c3h);
    const x42 = v128.load32_splat(a4, 4);
    c4l = dot(wl2, x42, c4l);
    c4h = dot(wh2, x42, c4h);
    const x52 = v128.load32_splat(a5, 4);
    c5l = dot(wl2, x52, c5l);
    c5h = dot(wh2, x52, c5h);
    a0 += 8;
    a1 += 8;
    a2 += 8;
    a3 += 8;
    a4 += 8;
    a5 += 8;
    w += 2 * PANEL_UNIT;
    load<u8>(ahead);
    ahead += pace;
  }
  const m = tail + 32;
  const y0 = y + load<u32>(row);
  const y1 = left > 1 ? y + load<u32>(row, 4) : y0;
  const y2 = left > 2 ? y + load<u32>(row, 8) : y1;
  const y3 = left > 3 ? y + load<u32>(row, 12) : y2;
  const y4 = left > 4 ? y + load<u32>(row, 16) : y3;
  const y5 = left > 5 ? y + load<u32>(row, 20) : y4;
  rule.storeSix(
    c0l,
    c0h,
    c1l,
    c1h,
    c2l,
    c2h,
    c3l,
    c3h,
    c4l,
    c4h,
    c5l,
    c5h,
    m,
    y0,
    y1,
    y2,
    y3,
    y4,
    y5,
    columns,
    scratch,
  );
}

/** 1 row × 8 columns: matrix × vector. Four sums of every fourth unit hide the latency. */
@inline
export function tile1x8<R>(
  rule: R,
  a: usize,
  w: usize,
  units: i32,
  y: usize,
  columns: i32,
  scratch: usize,
): void {
  const tail = w + <usize>units * PANEL_UNIT;
  let c0l = v128.load(tail);
  let c0h = v128.load(tail, 16);
  let c1l = i32x4.splat(0);
  let c1h = c1l;
  let c2l = c1l;
  let c2h = c1l;
  let c3l = c1l;
  let c3h = c1l;
  for (const whole = tail - 4 * PANEL_UNIT; w <= whole; w += 4 * PANEL_UNIT) {
    const x0 = v128.load32_splat(a);
    c0l = dot(v128.load(w), x0, c0l);
    c0h = dot(v128.load(w, 16), x0, c0h);
    const x1 = v128.load32_splat(a, 4);
    c1l = dot(v128.load(w, 32), x1, c1l);
    c1h = dot(v128.load(w, 48), x1, c1h);
    const x2 = v128.load32_splat(a, 8);
    c2l = dot(v128.load(w, 64), x2, c2l);
    c2h = dot(v128.load(w, 80), x2, c2h);
    const x3 = v128.load32_splat(a, 12);
    c3l = dot(v128.load(w, 96), x3, c3l);
    c3h = dot(v128.load(w, 112), x3, c3h);
    a += 16;
  }
  for (; w < tail; w += PANEL_UNIT) {
    const x0 = v128.load32_splat(a);
    c0l = dot(v128.load(w), x0, c0l);
    c0h = dot(v128.load(w, 16), x0, c0h);
    a += 4;
  }
  const l = i32x4.add(i32x4.add(c0l, c1l), i32x4.add(c2l, c3l));
  const h = i32x4.add(i32x4.add(c0h, c1h), i32x4.add(c2h, c3h));
  rule.storeRows(l, h, l, h, tail + 32, y, y, columns, scratch);
}
