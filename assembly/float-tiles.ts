/**
 * Tiles of float32 matrix products, on rows that lie one after the other: a unit of a row and of a panel is one
 * float32. `E` says where sums start and what becomes of them, `M` how a product is added, and so how many rows a tile
 * can have.
 *
 * The result is defined to the bit: c = c + a·w, k ascending (but `MultiplyAdd` of products that are not exact: each
 * machine its own). Rows and columns are the only things done in parallel, so no tile, thread count or machine changes
 * the order.
 *
 * Tile 5x8, as in `dot-tiles.ts`; five pointers run along the rows:
 *
 *                      w: 8 columns of one panel
 *                   ┌ n0 n1 n2 n3 │ n4 … n7 ┐
 *     a: 5 rows     │             │         │
 *       row 0 splat │  c0l        │  c0h    │   c += a·w
 *       …           │  …          │  …      │   10 accumulators, 2 of w, 1 of a, 1 product:
 *       row 4 splat │  c4l        │  c4h    │   14 of the 15 vectors of x64
 *                   └             │         ┘
 *
 * Where an engine pairs c·l and c·h to 256 bits, 5 sums instead of 4 hide more of the add's latency.
 */
import { NR } from "./grid";

/** Bytes of one column of y, and of one unit of a panel: 8 columns of one k. */
export const COLUMN: usize = 4;
export const PANEL_UNIT: usize = 32;

/** Multiply and add, each rounded. */
@unmanaged
export class RoundedApart {
  /** Rows of a tile. */
  @inline
  rows(): i32 {
    return 5;
  }


  @inline
  add(c: v128, a: v128, w: v128): v128 {
    return f32x4.add(c, f32x4.mul(a, w));
  }
}

/**
 * Rounded once where the machine does so: the same for products that are exact. Nothing holds a product: one row more.
 */
@unmanaged
export class MultiplyAdd {

  @inline
  rows(): i32 {
    return 6;
  }


  @inline
  add(c: v128, a: v128, w: v128): v128 {
    return f32x4.relaxed_madd(a, w, c);
  }
}

/** The clamp, and one NaN for all. */
@inline
export function clampFloat(c: v128, low: v128, high: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(c, low), high);
  return v128.bitselect(clamped, i32x4.splat(0x7fc00000), f32x4.eq(clamped, clamped));
}

/** Sums from the bias, then the clamp. Behind a panel: bias[8], low[4], high[4]. */
@unmanaged
export class FromBias {

  @inline
  start(at: usize): v128 {
    return v128.load(changetype<usize>(this) + at);
  }


  @inline
  end(c: v128, at: usize): v128 {
    const tail = changetype<usize>(this);
    return clampFloat(c, v128.load(tail, 32), v128.load(tail, 48));
  }
}

/** The first columns of one row, by way of scratch. */
function storePart(y: usize, l: v128, h: v128, columns: i32, scratch: usize): void {
  v128.store(scratch, l);
  v128.store(scratch, h, 16);
  for (let i: usize = 0; i < <usize>columns * COLUMN; i += COLUMN) {
    store<u32>(y + i, load<u32>(scratch + i));
  }
}

/** 8 columns of one row, or the first of them. */
@inline
function storeRow(y: usize, l: v128, h: v128, columns: i32, scratch: usize): void {
  if (columns >= NR) {
    v128.store(y, l);
    v128.store(y, h, 16);
  } else {
    storePart(y, l, h, columns, scratch);
  }
}

/**
 * 5 or 6 rows × 8 columns of one part of a panel. `a` and `stride`: the rows, of which `left` are there; `row`: the
 * places of the results in y; `tail`: what lies behind the panel.
 */
@inline
export function tileMx8<E, M>(
  a: usize,
  stride: usize,
  left: i32,
  w: usize,
  units: i32,
  tail: usize,
  y: usize,
  row: usize,
  columns: i32,
  isFirst: bool,
  isLast: bool,
  scratch: usize,
): void {
  const m = changetype<M>(0);
  const isSix = m.rows() == 6;
  // Rows beyond the last are the last: they give its results again, in its place.
  let a0 = a;
  let a1 = a0 + (left > 1 ? stride : 0);
  let a2 = a1 + (left > 2 ? stride : 0);
  let a3 = a2 + (left > 3 ? stride : 0);
  let a4 = a3 + (left > 4 ? stride : 0);
  let a5 = a4 + (left > 5 ? stride : 0);
  const end = w + <usize>units * PANEL_UNIT;
  let c0l: v128;
  let c0h: v128;
  let c1l: v128;
  let c1h: v128;
  let c2l: v128;
  let c2h: v128;
  let c3l: v128;
  let c3h: v128;
  let c4l: v128;
  let c4h: v128;
  let c5l: v128;
  let c5h: v128;
  if (isFirst) {
    c0l = changetype<E>(tail).start(0);
    c0h = changetype<E>(tail).start(16);
    c1l = c0l;
    c1h = c0h;
    c2l = c0l;
    c2h = c0h;
    c3l = c0l;
    c3h = c0h;
    c4l = c0l;
    c4h = c0h;
    c5l = c0l;
    c5h = c0h;
  } else {
    const y0 = y + load<u32>(row);
    const y1 = left > 1 ? y + load<u32>(row, 4) : y0;
    const y2 = left > 2 ? y + load<u32>(row, 8) : y1;
    const y3 = left > 3 ? y + load<u32>(row, 12) : y2;
    const y4 = left > 4 ? y + load<u32>(row, 16) : y3;
    c0l = v128.load(y0);
    c0h = v128.load(y0, 16);
    c1l = v128.load(y1);
    c1h = v128.load(y1, 16);
    c2l = v128.load(y2);
    c2h = v128.load(y2, 16);
    c3l = v128.load(y3);
    c3h = v128.load(y3, 16);
    c4l = v128.load(y4);
    c4h = v128.load(y4, 16);
    c5l = c4l;
    c5h = c4h;
    if (isSix) {
      const y5 = left > 5 ? y + load<u32>(row, 20) : y4;
      c5l = v128.load(y5);
      c5h = v128.load(y5, 16);
    }
  }
  const last = end - PANEL_UNIT;
  while (w < end) {
    const wl = v128.load(w);
    const wh = v128.load(w, 16);
    const x0 = v128.load32_splat(a0);
    c0l = m.add(c0l, x0, wl);
    c0h = m.add(c0h, x0, wh);
    const x1 = v128.load32_splat(a1);
    c1l = m.add(c1l, x1, wl);
    c1h = m.add(c1h, x1, wh);
    const x2 = v128.load32_splat(a2);
    c2l = m.add(c2l, x2, wl);
    c2h = m.add(c2h, x2, wh);
    const x3 = v128.load32_splat(a3);
    c3l = m.add(c3l, x3, wl);
    c3h = m.add(c3h, x3, wh);
    const x4 = v128.load32_splat(a4);
    c4l = m.add(c4l, x4, wl);
    c4h = m.add(c4h, x4, wh);
    if (isSix) {
      const x5 = v128.load32_splat(a5);
      c5l = m.add(c5l, x5, wl);
      c5h = m.add(c5h, x5, wh);
    }
    if (w == last) break;
    const wl2 = v128.load(w, 32);
    const wh2 = v128.load(w, 48);
    const x02 = v128.load32_splat(a0, 4);
    c0l = m.add(c0l, x02, wl2);
    c0h = m.add(c0h, x02, wh2);
    const x12 = v128.load32_splat(a1, 4);
    c1l = m.add(c1l, x12, wl2);
    c1h = m.add(c1h, x12, wh2);
    const x22 = v128.load32_splat(a2, 4);
    c2l = m.add(c2l, x22, wl2);
    c2h = m.add(c2h, x22, wh2);
    const x32 = v128.load32_splat(a3, 4);
    c3l = m.add(c3l, x32, wl2);
    c3h = m.add(c3h, x32, wh2);
    const x42 = v128.load32_splat(a4, 4);
    c4l = m.add(c4l, x42, wl2);
    c4h = m.add(c4h, x42, wh2);
    if (isSix) {
      const x52 = v128.load32_splat(a5, 4);
      c5l = m.add(c5l, x52, wl2);
      c5h = m.add(c5h, x52, wh2);
    }
    a0 += 8;
    a1 += 8;
    a2 += 8;
    a3 += 8;
    a4 += 8;
    if (isSix) a5 += 8;
    w += 2 * PANEL_UNIT;
  }
  const y0 = y + load<u32>(row);
  const y1 = left > 1 ? y + load<u32>(row, 4) : y0;
  const y2 = left > 2 ? y + load<u32>(row, 8) : y1;
  const y3 = left > 3 ? y + load<u32>(row, 12) : y2;
  const y4 = left > 4 ? y + load<u32>(row, 16) : y3;
  if (isLast) {
    const e = changetype<E>(tail);
    c0l = e.end(c0l, 0);
    c0h = e.end(c0h, 16);
    c1l = e.end(c1l, 0);
    c1h = e.end(c1h, 16);
    c2l = e.end(c2l, 0);
    c2h = e.end(c2h, 16);
    c3l = e.end(c3l, 0);
    c3h = e.end(c3h, 16);
    c4l = e.end(c4l, 0);
    c4h = e.end(c4h, 16);
    if (isSix) {
      c5l = e.end(c5l, 0);
      c5h = e.end(c5h, 16);
    }
  }
  storeRow(y0, c0l, c0h, columns, scratch);
  storeRow(y1, c1l, c1h, columns, scratch);
  storeRow(y2, c2l, c2h, columns, scratch);
  storeRow(y3, c3l, c3h, columns, scratch);
  storeRow(y4, c4l, c4h, columns, scratch);
  if (isSix) {
    const y5 = left > 5 ? y + load<u32>(row, 20) : y4;
    storeRow(y5, c5l, c5h, columns, scratch);
  }
}

/** 1 row × 8 columns. */
@inline
export function tile1x8<E, M>(
  a: usize,
  w: usize,
  units: i32,
  tail: usize,
  y: usize,
  columns: i32,
  isFirst: bool,
  isLast: bool,
  scratch: usize,
): void {
  const m = changetype<M>(0);
  const e = changetype<E>(tail);
  const end = w + <usize>units * PANEL_UNIT;
  let cl = isFirst ? e.start(0) : v128.load(y);
  let ch = isFirst ? e.start(16) : v128.load(y, 16);
  while (w < end) {
    const x = v128.load32_splat(a);
    cl = m.add(cl, x, v128.load(w));
    ch = m.add(ch, x, v128.load(w, 16));
    a += 4;
    w += PANEL_UNIT;
  }
  if (isLast) {
    cl = e.end(cl, 0);
    ch = e.end(ch, 16);
  }
  storeRow(y, cl, ch, columns, scratch);
}
