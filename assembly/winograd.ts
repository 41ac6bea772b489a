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
import { RULE_SMALL_FP32 } from "./requantize/output";
import { ReferenceRule } from "./requantize/reference-rule";
import { freeCodes } from "./low-bit";
import {
  inputPanels,
  locatePatch,
  hasNarrow,
  NARROW,
  OUT,
  padRow,
  PATCH,
  patchColumns,
  positionBytes,
  POSITIONS,
  TILE_BYTES,
  transformColumns,
  transformPatch,
  transformScratch,
  WinogradParameters,
} from "./winograd-transform";
import { panelPositionBytes, transformPanel, WEIGHT_SCRATCH } from "./winograd-weights";

/** Columns of a panel, output tiles of a quad. */
const NR: i32 = 8;
const QUAD: i32 = 4;
/** 1 / 9 modulo 2^32. */
const INVERSE_OF_9: i32 = 0x38e38e39;
/** Column 1 of Aᵀ is all ones: what is added to S here is added to every output of Z. */
const BIAS_POSITION: usize = 7;
/**
 * Scratch of a panel, where pixel pointers were, behind what the output stage has there: 576 · bias[8], then multipliers; 1 / 9;
 * what lies beyond the image; zeros.
 */
const START: usize = 144;
const INVERSE: usize = 176;
const BEYOND: usize = 192;
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

/** Four outputs of one row × eight columns → codes: the sums at `half` and `half + 384` → y. */
@inline
function finishRow<R>(
  rule: R,
  half: usize,
  multipliers: usize,
  y: usize,
  stride: usize,
  width: i32,
  columns: i32,
  scratch: usize,
): void {
  const inverse = v128.load(scratch, INVERSE);
  const beyond = scratch + BEYOND;
  const a1 = v128.load(half, 16);
  const a2 = v128.load(half, 32);
  const a3 = v128.load(half, 48);
  const a4 = v128.load(half, 64);
  const ap = i32x4.add(a1, a2);
  const ar = i32x4.add(a3, a4);
  const aq = i32x4.sub(a1, a2);
  const av = i32x4.sub(a3, a4);
  const b1 = v128.load(half, 400);
  const b2 = v128.load(half, 416);
  const b3 = v128.load(half, 432);
  const b4 = v128.load(half, 448);
  const bp = i32x4.add(b1, b2);
  const br = i32x4.add(b3, b4);
  const bq = i32x4.sub(b1, b2);
  const bv = i32x4.sub(b3, b4);
  rule.storeRows(
    rule.sum(i32x4.mul(i32x4.add(i32x4.add(v128.load(half, 0), ap), ar), inverse), scratch),
    rule.sum(i32x4.mul(i32x4.add(i32x4.add(v128.load(half, 384), bp), br), inverse), scratch),
    rule.sum(i32x4.mul(i32x4.add(aq, i32x4.shl(av, 1)), inverse), scratch),
    rule.sum(i32x4.mul(i32x4.add(bq, i32x4.shl(bv, 1)), inverse), scratch),
    multipliers,
    y,
    width > 1 ? y + stride : beyond,
    columns,
    scratch,
  );
  y += 2 * stride;
  rule.storeRows(
    rule.sum(i32x4.mul(i32x4.add(ap, i32x4.shl(ar, 2)), inverse), scratch),
    rule.sum(i32x4.mul(i32x4.add(bp, i32x4.shl(br, 2)), inverse), scratch),
    rule.sum(
      i32x4.mul(
        i32x4.add(i32x4.add(aq, i32x4.shl(av, 3)), i32x4.shl(v128.load(half, 80), 2)),
        inverse,
      ),
      scratch,
    ),
    rule.sum(
      i32x4.mul(
        i32x4.add(i32x4.add(bq, i32x4.shl(bv, 3)), i32x4.shl(v128.load(half, 464), 2)),
        inverse,
      ),
      scratch,
    ),
    multipliers,
    width > 2 ? y : beyond,
    width > 3 ? y + stride : beyond,
    columns,
    scratch,
  );
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
  const half = transformScratch(p, scratch);
  rule.prepare(scratch);
  const multipliers = rule.scaleDown(tail + 32, scratch + START);
  v128.store(scratch, i32x4.splat(INVERSE_OF_9), INVERSE);
  const columns = p.n - panel * NR;
  const stride = <usize>p.yStride;
  const narrow = hasNarrow(p) ? 2 : 0;
  const place = firstTile % p.tilesPerImage;
  let image = firstTile / p.tilesPerImage;
  let top = (place % p.tilesY) * OUT;
  let left = (place / p.tilesY) * OUT;
  let s = inputPanels(p, scratch) + POSITIONS * positionBytes(p);
  for (let t = 0; t < tiles; t++) {
    const width = p.outputWidth - left;
    const patch = width <= narrow ? NARROW : PATCH;
    transformColumns(s, half, patch);
    if (patch == NARROW) {
      // The first sums of a row read column 4 too.
      for (let row = half + 64; row < half + 768; row += 96) v128.store(row, i32x4.splat(0));
    }
    const line = (image * p.outputHeight + top) * p.outputWidth + left;
    let y = p.y + <usize>line * stride + <usize>(panel * NR);
    const end = half + <usize>min(OUT, p.outputHeight - top) * 96;
    for (let row = half; row < end; row += 96) {
      finishRow<R>(rule, row, multipliers, y, stride, width, columns, scratch);
      y += <usize>p.outputWidth * stride;
    }
    s += t % QUAD == QUAD - 1 ? POSITIONS * TILE_BYTES - 96 : 32;
    top += OUT;
    if (top >= p.outputHeight) {
      top = 0;
      left += OUT;
      if (left >= p.outputWidth) {
        left = 0;
        image++;
      }
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
    const to = inputPanels(p, scratch) + <usize>t * rowBytes;
    transformPatch<X>(p, firstTile + t, to, scratch);
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
    multiplyPanel(p, u, tail, firstTile, tiles, scratch);
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
