/** Z = Aᵀ·S·A = 576 · Y of Winograd F(4x4, 3x3), and its codes: `winograd.ts` says what they are part of. */
import { QUAD, START } from "./winograd-products";
import {
  hasNarrow,
  inputPanels,
  NARROW,
  OUT,
  PATCH,
  positionBytes,
  POSITIONS,
  TILE_BYTES,
  transformColumns,
  transformScratch,
  WinogradParameters,
} from "./winograd-transform";

/** Columns of a panel. */
export const NR: i32 = 8;
/** 1 / 9 modulo 2^32. */
const INVERSE_OF_9: i32 = 0x38e38e39;
/**
 * Scratch, where pixel pointers were, behind 576 · bias[8], whose place multipliers take: 1 / 9; what lies
 * beyond the image.
 */
const INVERSE: usize = 176;
const BEYOND: usize = 192;

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
