/** The products of Winograd F(4x4, 3x3), S = Σ_c V ⊙ U: `winograd.ts` says what they are part of. */
import {
  hasNarrow,
  inputPanels,
  NARROW,
  PATCH,
  patchColumns,
  positionBytes,
  POSITIONS,
  TILE_BYTES,
  WinogradParameters,
} from "./winograd-transform";
import { panelPositionBytes } from "./winograd-weights";

/** Output tiles of a quad. */
export const QUAD: i32 = 4;
/** Column 1 of Aᵀ is all ones: what is added to S here is added to every output of Z. */
const BIAS_POSITION: usize = 7;
/** Scratch, where pixel pointers were, behind what the output stage has there: 576 · bias[8]. */
export const START: usize = 144;
/** The same, behind what `winograd-output.ts` has there: zeros. */
const ZEROS: usize = 208;

/** S of one position: four rows of V `rowBytes` apart × eight columns of U, added to the eight at `start`. */
@inline
function multiply(v: usize, rowBytes: usize, u: usize, to: usize, start: usize): void {
  let v1 = v + rowBytes;
  let v2 = v1 + rowBytes;
  let v3 = v2 + rowBytes;
  const end = v1;
  let c0l = v128.load(start);
  let c0h = v128.load(start, 16);
  let c1l = c0l;
  let c1h = c0h;
  let c2l = c0l;
  let c2h = c0h;
  let c3l = c0l;
  let c3h = c0h;
  do {
    const u0l = v128.load(u);
    const u0h = v128.load(u, 16);
    const a0 = v128.load32_splat(v);
    c0l = i32x4.add(c0l, i32x4.dot_i16x8_s(a0, u0l));
    c0h = i32x4.add(c0h, i32x4.dot_i16x8_s(a0, u0h));
    const a1 = v128.load32_splat(v1);
    c1l = i32x4.add(c1l, i32x4.dot_i16x8_s(a1, u0l));
    c1h = i32x4.add(c1h, i32x4.dot_i16x8_s(a1, u0h));
    const a2 = v128.load32_splat(v2);
    c2l = i32x4.add(c2l, i32x4.dot_i16x8_s(a2, u0l));
    c2h = i32x4.add(c2h, i32x4.dot_i16x8_s(a2, u0h));
    const a3 = v128.load32_splat(v3);
    c3l = i32x4.add(c3l, i32x4.dot_i16x8_s(a3, u0l));
    c3h = i32x4.add(c3h, i32x4.dot_i16x8_s(a3, u0h));

    if (v == end) break;
    const u1l = v128.load(u, 32);
    const u1h = v128.load(u, 48);
    const b0 = v128.load32_splat(v, 4);
    c0l = i32x4.add(c0l, i32x4.dot_i16x8_s(b0, u1l));
    c0h = i32x4.add(c0h, i32x4.dot_i16x8_s(b0, u1h));
    const b1 = v128.load32_splat(v1, 4);
    c1l = i32x4.add(c1l, i32x4.dot_i16x8_s(b1, u1l));
    c1h = i32x4.add(c1h, i32x4.dot_i16x8_s(b1, u1h));
    const b2 = v128.load32_splat(v2, 4);
    c2l = i32x4.add(c2l, i32x4.dot_i16x8_s(b2, u1l));
    c2h = i32x4.add(c2h, i32x4.dot_i16x8_s(b2, u1h));
    const b3 = v128.load32_splat(v3, 4);
    c3l = i32x4.add(c3l, i32x4.dot_i16x8_s(b3, u1l));
    c3h = i32x4.add(c3h, i32x4.dot_i16x8_s(b3, u1h));

    if (v == end) break;
    const u2l = v128.load(u, 64);
    const u2h = v128.load(u, 80);
    const e0 = v128.load32_splat(v, 8);
    c0l = i32x4.add(c0l, i32x4.dot_i16x8_s(e0, u2l));
    c0h = i32x4.add(c0h, i32x4.dot_i16x8_s(e0, u2h));
    const e1 = v128.load32_splat(v1, 8);
    c1l = i32x4.add(c1l, i32x4.dot_i16x8_s(e1, u2l));
    c1h = i32x4.add(c1h, i32x4.dot_i16x8_s(e1, u2h));
    const e2 = v128.load32_splat(v2, 8);
    c2l = i32x4.add(c2l, i32x4.dot_i16x8_s(e2, u2l));
    c2h = i32x4.add(c2h, i32x4.dot_i16x8_s(e2, u2h));
    const e3 = v128.load32_splat(v3, 8);
    c3l = i32x4.add(c3l, i32x4.dot_i16x8_s(e3, u2l));
    c3h = i32x4.add(c3h, i32x4.dot_i16x8_s(e3, u2h));

    if (v == end) break;
    const u3l = v128.load(u, 96);
    const u3h = v128.load(u, 112);
    const f0 = v128.load32_splat(v, 12);
    c0l = i32x4.add(c0l, i32x4.dot_i16x8_s(f0, u3l));
    c0h = i32x4.add(c0h, i32x4.dot_i16x8_s(f0, u3h));
    const f1 = v128.load32_splat(v1, 12);
    c1l = i32x4.add(c1l, i32x4.dot_i16x8_s(f1, u3l));
    c1h = i32x4.add(c1h, i32x4.dot_i16x8_s(f1, u3h));
    const f2 = v128.load32_splat(v2, 12);
    c2l = i32x4.add(c2l, i32x4.dot_i16x8_s(f2, u3l));
    c2h = i32x4.add(c2h, i32x4.dot_i16x8_s(f2, u3h));
    const f3 = v128.load32_splat(v3, 12);
    c3l = i32x4.add(c3l, i32x4.dot_i16x8_s(f3, u3l));
    c3h = i32x4.add(c3h, i32x4.dot_i16x8_s(f3, u3h));
    u += 128;
    v += 16;
    v1 += 16;
    v2 += 16;
    v3 += 16;
  } while (v < end);
  v128.store(to, c0l);
  v128.store(to, c0h, 16);
  v128.store(to, c1l, 32);
  v128.store(to, c1h, 48);
  v128.store(to, c2l, 64);
  v128.store(to, c2h, 80);
  v128.store(to, c3l, 96);
  v128.store(to, c3h, 112);
}

/** The 36 products of a group of `tiles` output tiles and one panel, whose int32 bias[8] is at `tail`. */
export function multiplyPanel(
  p: WinogradParameters,
  u: usize,
  tail: usize,
  firstTile: i32,
  tiles: i32,
  scratch: usize,
): void {
  const rowBytes = <usize>p.channels * 2;
  const step = positionBytes(p);
  const sums = inputPanels(p, scratch) + POSITIONS * step;
  const quadBytes = <usize>QUAD * rowBytes;
  const quads = (tiles + QUAD - 1) / QUAD;
  const scale = i32x4.splat(576);
  v128.store(scratch, i32x4.mul(v128.load(tail), scale), START);
  v128.store(scratch, i32x4.mul(v128.load(tail, 16), scale), START + 16);
  v128.store(scratch, i32x4.splat(0), ZEROS);
  v128.store(scratch, i32x4.splat(0), ZEROS + 16);
  let v = inputPanels(p, scratch);
  let to = sums;
  for (let position: usize = 0; position < POSITIONS; position++) {
    const start = scratch + (position == BIAS_POSITION ? START : ZEROS);
    const isWide = hasNarrow(p) && position % <usize>PATCH >= <usize>NARROW;
    let tile = firstTile;
    let row = v;
    let s = to;
    for (let quad = 0; quad < quads; quad++) {
      if (!isWide || patchColumns(p, tile) == PATCH) multiply(row, rowBytes, u, s, start);
      tile += QUAD;
      row += quadBytes;
      s += POSITIONS * TILE_BYTES;
    }
    v += step;
    to += TILE_BYTES;
    u += panelPositionBytes(p.channels);
  }
}
