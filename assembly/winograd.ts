/**
 * Integer-exact Winograd F(4x4, 3x3): 3x3 convolution of stride 1 with 36 instead of 144 multiplies
 * for 4x4 outputs (Lavin & Gray, arXiv 1509.09308; the fractions of G folded in so that every entry
 * is an integer).
 *
 *     V = Bᵀ·d·B     U = G·g·Gᵀ     S = Σ_c V ⊙ U     Z = Aᵀ·S·A = 576 · Y
 *
 * d is a 6x6 patch of x − zeroPoint, padding 0. Words modulo 2^32 form a ring and all steps are
 * linear with integer coefficients, so Z ≡ 576·Y however often S wraps. 576 = 9·64 and
 * 9·0x38e38e39 ≡ 1, so Z·0x38e38e39 ≡ 64·Y, and an arithmetic shift by 6 gives Y if and only if
 * −2^25 ≤ Y < 2^25: proved per output channel when the plan is made.
 *
 * Bounds: |d| ≤ 255, rows of |Bᵀ| sum to at most 10, so |V| ≤ 100·255 = 25,500; |U| ≤ 144·128 =
 * 18,432: both int16, every partial sum of the input transform included.
 *
 * One grid tile: a group of output tiles × a chunk of panels. Scratch of a thread:
 *
 *     pixel pointers │ row of zeroPoint │ transform │ V[36][groupTiles][C] int16 │ S[quad][36][4][8] │ U │ freed filters
 *
 * The 36 products run as 4x8 tiles over C: four output tiles × eight columns,
 *
 *     V (4 rows, load32_splat) · U (8 columns, [C/2][8][2] int16) → 8 accumulators + 2 + 1 = 11 vectors
 */
import { Int8, UInt8 } from "./formats/integer";
import { SmallFp32Rule } from "./requantize/fp32-rules";
import { RULE_SMALL_FP32, storeCodes } from "./requantize/output";
import { ReferenceRule } from "./requantize/reference-rule";
import { freeCodes } from "./low-bit";
import {
  inputPanels,
  locatePatch,
  OUT,
  padRow,
  positionBytes,
  POSITIONS,
  TILE_BYTES,
  transformColumns,
  transformPatch,
  transformRow,
  transformScratch,
  WinogradParameters,
} from "./winograd-transform";
import { panelPositionBytes, transformPanel, WEIGHT_SCRATCH } from "./winograd-weights";

/** Columns of a panel, output tiles of a quad. */
const NR: i32 = 8;
const QUAD: i32 = 4;
/** Where the output stage has its constants, less the rows of accumulators in front of them. */
const CONSTANTS: usize = 64;
/** 1 / 9 modulo 2^32. */
const INVERSE_OF_9: i32 = 0x38e38e39;

/** S of one position: four rows of V `rowBytes` apart × eight columns of U. */
@inline
function multiply(v: usize, rowBytes: usize, u: usize, to: usize): void {
  let v1 = v + rowBytes;
  let v2 = v1 + rowBytes;
  let v3 = v2 + rowBytes;
  const end = v1;
  let c0l = i32x4.splat(0);
  let c0h = c0l;
  let c1l = c0l;
  let c1h = c0l;
  let c2l = c0l;
  let c2h = c0l;
  let c3l = c0l;
  let c3h = c0l;
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

/** The 36 products of a group of `tiles` output tiles and one panel. */
export function multiplyPanel(p: WinogradParameters, u: usize, tiles: i32, scratch: usize): void {
  const rowBytes = <usize>p.channels * 2;
  const step = positionBytes(p);
  const sums = inputPanels(p, scratch) + POSITIONS * step;
  const quadBytes = <usize>QUAD * rowBytes;
  const quads = (tiles + QUAD - 1) / QUAD;
  let v = inputPanels(p, scratch);
  let to = sums;
  for (let position: usize = 0; position < POSITIONS; position++) {
    let row = v;
    let s = to;
    for (let quad = 0; quad < quads; quad++) {
      multiply(row, rowBytes, u, s);
      row += quadBytes;
      s += POSITIONS * TILE_BYTES;
    }
    v += step;
    to += TILE_BYTES;
    u += panelPositionBytes(p.channels);
  }
}

/** S of `tiles` output tiles and one panel → codes of y. */
export function finishPanel<R>(
  p: WinogradParameters,
  tail: usize,
  panel: i32,
  firstTile: i32,
  tiles: i32,
  scratch: usize,
): void {
  const rule = changetype<R>(p);
  const sums = inputPanels(p, scratch) + POSITIONS * positionBytes(p);
  const half = transformScratch(p, scratch);
  const to = scratch;
  rule.prepare(scratch + CONSTANTS);
  const floor = v128.load(scratch, CONSTANTS + 64);
  const base = v128.load(scratch, CONSTANTS + 80);
  const high = v128.load(scratch, CONSTANTS + 96);
  const flip = v128.load(scratch, CONSTANTS + 112);
  const inverse = i32x4.splat(INVERSE_OF_9);
  const columns = p.n - panel * NR;
  for (let t = 0; t < tiles; t++) {
    const tile = firstTile + t;
    const image = tile / p.tilesPerImage;
    const place = tile % p.tilesPerImage;
    const top = (place / p.tilesX) * OUT;
    const left = (place % p.tilesX) * OUT;
    const rows = min(OUT, p.outputHeight - top);
    const width = min(OUT, p.outputWidth - left);
    const s = sums + <usize>(t / QUAD) * (POSITIONS * TILE_BYTES) + <usize>(t % QUAD) * 32;
    transformColumns(s, half);
    transformColumns(s + 16, half + 384);
    let y =
      p.y +
      <usize>((image * p.outputHeight + top) * p.outputWidth + left) * <usize>p.yStride +
      <usize>(panel * NR);
    for (let i: usize = 0; i < <usize>rows; i++) {
      const line = half + i * 96;
      transformRow<R>(rule, line, to, v128.load(tail), v128.load(tail, 32), floor, base, inverse);
      transformRow<R>(
        rule,
        line + 384,
        to + 16,
        v128.load(tail, 16),
        v128.load(tail, 48),
        floor,
        base,
        inverse,
      );
      rule.settle(to, tail + 32);
      rule.settle(to + 32, tail + 32);
      rule.settle(to + 64, tail + 32);
      rule.settle(to + 96, tail + 32);
      const rows01 = rule.narrowStored(to, to + 32, high, flip);
      const rows23 = rule.narrowStored(to + 64, to + 96, high, flip);
      const stride = <usize>p.yStride;
      storeCodes(y, i64x2.extract_lane(rows01, 0), columns);
      if (width > 1) storeCodes(y + stride, i64x2.extract_lane(rows01, 1), columns);
      if (width > 2) storeCodes(y + 2 * stride, i64x2.extract_lane(rows23, 0), columns);
      if (width > 3) storeCodes(y + 3 * stride, i64x2.extract_lane(rows23, 1), columns);
      y += <usize>p.outputWidth * stride;
    }
  }
}


@inline
function winogradTile<X>(p: WinogradParameters, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstTile = (tile / p.chunks) * p.groupTiles;
  const tiles = min(p.groupTiles, p.tileCount - firstTile);
  memory.fill(padRow(scratch), <u8>p.inputZeroPoint, p.channels + 16);
  const rowBytes = <usize>p.channels * 2;
  for (let t = 0; t < tiles; t++) {
    locatePatch(p, firstTile + t, scratch);
    transformPatch<X>(p, inputPanels(p, scratch) + <usize>t * rowBytes, scratch);
  }
  const quads = <usize>((p.groupTiles + QUAD - 1) / QUAD);
  const weightScratch =
    inputPanels(p, scratch) + POSITIONS * (positionBytes(p) + quads * TILE_BYTES);
  const u = weightScratch + WEIGHT_SCRATCH;
  const freed = u + POSITIONS * panelPositionBytes(p.channels);
  const size = <usize>p.channels * 72;
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    let w = p.w + <usize>panel * <usize>p.panelBytes;
    let tail = w + size;
    if (p.weightBits < 8) {
      tail = freeCodes(freed, w, size, p.weightBits, <i8>p.weightOffset);
      w = freed;
    }
    transformPanel(w, p.channels, u, weightScratch);
    multiplyPanel(p, u, tiles, scratch);
    if (p.rule == RULE_SMALL_FP32)
      finishPanel<SmallFp32Rule>(p, tail, panel, firstTile, tiles, scratch);
    else finishPanel<ReferenceRule>(p, tail, panel, firstTile, tiles, scratch);
  }
}

/** int8 x, int8 filters. */
export function winograd_i8_i8_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  winogradTile<Int8>(changetype<WinogradParameters>(parameters), scratch, tile);
}

/** uint8 x, int8 filters. */
export function winograd_u8_i8_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  winogradTile<UInt8>(changetype<WinogradParameters>(parameters), scratch, tile);
}
