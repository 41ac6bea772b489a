/**
 * The transforms of Winograd F(4x4, 3x3) with integer matrices (`winograd.ts`):
 *
 *          | 4  0 -5  0  1  0 |          | 1  1  1  1  1  0 |
 *          | 0 -4 -4  1  1  0 |     Aᵀ = | 0  1 -1  2 -2  0 |
 *     Bᵀ = | 0  4 -4 -1  1  0 |          | 0  1  1  4  4  0 |
 *          | 0 -2 -1  2  1  0 |          | 0  1 -1  8 -8  4 |
 *          | 0  2 -1 -2  1  0 |
 *          | 0  4  0 -5  0  1 |
 *
 * Both are applied to the columns of a patch first, through scratch, then to its rows.
 *
 * The last tiles of a row of outputs may have one or two of their four columns inside the image: F(4x2, 3x3). Its points
 * are four of the six, 0, 1, −1 and 2, so that U and Aᵀ are the same and a third of the products need not be made;
 * what multiplies the rows of a patch of four columns is
 *
 *     |  4 -2 -4  2 |
 *     |  0 -6 -3  3 |     rows of absolute values sum to at most 12: |V| ≤ 10 · 12 · 255 = 30,600
 *     |  0  2 -3  1 |
 *     |  0 -4  0  4 |
 */
import { OutputParameters } from "./requantize/output";

/** Output tile, patch, positions of a patch. */
export const OUT: i32 = 4;
export const PATCH: i32 = 6;
/** Columns of the patch of a narrow tile. */
export const NARROW: i32 = 4;
export const POSITIONS: usize = 36;
/** Bytes of one 4x8 tile of accumulators: S steps by it from position to position. */
export const TILE_BYTES: usize = 128;


@unmanaged
export class WinogradParameters extends OutputParameters {
  x: usize;
  /** Per panel: filters [C/2][9][8][2] int8 or packed, int32 bias[8], multipliers of the rule. */
  w: usize;
  inputHeight: i32;
  inputWidth: i32;
  /** A multiple of 8. */
  channels: i32;
  outputHeight: i32;
  outputWidth: i32;
  n: i32;
  padTop: i32;
  padLeft: i32;
  /** Zero point of x, as stored. */
  inputZeroPoint: i32;
  panelBytes: i32;
  yStride: i32;
  /** Output tiles, counted down the columns: per column of an image, per image, in all. */
  tilesY: i32;
  tilesPerImage: i32;
  tileCount: i32;
  /** The place in an image from which tiles are narrow, in whole quads; `tilesPerImage` without narrow ones. */
  narrowFrom: i32;
  /** Output tiles of one group, a multiple of 4; panels of one chunk; chunks. */
  groupTiles: i32;
  tilePanels: i32;
  chunks: i32;
  /** Bits of a weight, and what packed codes lie above the weights (`low-bit.ts`). */
  weightBits: i32;
  weightOffset: i32;
}


@inline
export function padRow(scratch: usize): usize {
  return scratch + 256;
}


@inline
export function transformScratch(p: WinogradParameters, scratch: usize): usize {
  return padRow(scratch) + <usize>((p.channels + 31) & -16);
}


@inline
export function inputPanels(p: WinogradParameters, scratch: usize): usize {
  return transformScratch(p, scratch) + 768;
}

/** Bytes from position to position of V; the odd line keeps the 36 stores off one cache set. */
@inline
export function positionBytes(p: WinogradParameters): usize {
  return <usize>(p.groupTiles * p.channels) * 2 + 64;
}

/** Points `scratch` at the 36 pixels of output tile `tile`; border pixels are the pad row. */
export function locatePatch(p: WinogradParameters, tile: i32, scratch: usize): void {
  const image = tile / p.tilesPerImage;
  const place = tile % p.tilesPerImage;
  const top = (place % p.tilesY) * OUT - p.padTop;
  const left = (place / p.tilesY) * OUT - p.padLeft;
  const pad = padRow(scratch);
  let at = scratch;
  for (let i = 0; i < PATCH; i++) {
    const row = top + i;
    const inside = <u32>row < <u32>p.inputHeight;
    const line = (image * p.inputHeight + row) * p.inputWidth;
    for (let j = 0; j < PATCH; j++) {
      const column = left + j;
      const pixel = p.x + <usize>(line + column) * <usize>p.channels;
      store<usize>(at, inside && <u32>column < <u32>p.inputWidth ? pixel : pad);
      at += 4;
    }
  }
}


@inline
export function hasNarrow(p: WinogradParameters): bool {
  return p.narrowFrom < p.tilesPerImage;
}

/** The columns of a patch that its tile reads, and the columns of its positions. */
@inline
export function patchColumns(p: WinogradParameters, tile: i32): i32 {
  return tile % p.tilesPerImage < p.narrowFrom ? PATCH : NARROW;
}

/** V of output tile `tile`: `to` is its row in position 0. */
export function transformPatch<X>(
  p: WinogradParameters,
  tile: i32,
  to: usize,
  scratch: usize,
): void {
  const columns = patchColumns(p, tile);
  const zero = i16x8.splat(<i16>p.inputZeroPoint);
  const step = positionBytes(p);
  const half = transformScratch(p, scratch);
  for (let c: usize = 0; c < <usize>p.channels; c += 8) {
    // Columns: half[i][j] = Bᵀ·d.
    for (let j: usize = 0; j < <usize>columns; j++) {
      const at = scratch + (j << 2);
      const d0 = i16x8.sub(changetype<X>(load<usize>(at) + c).widen(), zero);
      const d1 = i16x8.sub(changetype<X>(load<usize>(at, 24) + c).widen(), zero);
      const d2 = i16x8.sub(changetype<X>(load<usize>(at, 48) + c).widen(), zero);
      const d3 = i16x8.sub(changetype<X>(load<usize>(at, 72) + c).widen(), zero);
      const d4 = i16x8.sub(changetype<X>(load<usize>(at, 96) + c).widen(), zero);
      const d5 = i16x8.sub(changetype<X>(load<usize>(at, 120) + c).widen(), zero);
      const a = i16x8.sub(d4, i16x8.shl(d2, 2));
      const b = i16x8.sub(d3, i16x8.shl(d1, 2));
      const e = i16x8.sub(d4, d2);
      const f = i16x8.shl(i16x8.sub(d3, d1), 1);
      const t = half + (j << 4);
      v128.store(t, i16x8.add(i16x8.shl(i16x8.sub(d0, d2), 2), e));
      v128.store(t, i16x8.add(a, b), 96);
      v128.store(t, i16x8.sub(a, b), 192);
      v128.store(t, i16x8.add(e, f), 288);
      v128.store(t, i16x8.sub(e, f), 384);
      v128.store(t, i16x8.add(i16x8.shl(i16x8.sub(d1, d3), 2), i16x8.sub(d5, d3)), 480);
    }
    // Rows: V[i][j] = half·B.
    let v = to + (c << 1);
    for (let t = half, end = half + 576; t < end; t += 96) {
      const d0 = v128.load(t);
      const d1 = v128.load(t, 16);
      const d2 = v128.load(t, 32);
      const d3 = v128.load(t, 48);
      if (columns == NARROW) {
        const f = i16x8.sub(d3, d1);
        const g = i16x8.sub(d3, d2);
        const h = i16x8.sub(i16x8.shl(i16x8.sub(d0, d2), 1), d1);
        const e = i16x8.sub(g, i16x8.shl(d1, 1));
        v128.store(v, i16x8.shl(i16x8.add(h, d3), 1));
        v += step;
        v128.store(v, i16x8.add(i16x8.shl(e, 1), e));
        v += step;
        v128.store(v, i16x8.sub(g, i16x8.shl(i16x8.sub(d2, d1), 1)));
        v += step;
        v128.store(v, i16x8.shl(f, 2));
        v += 3 * step;
        continue;
      }
      const d4 = v128.load(t, 64);
      const d5 = v128.load(t, 80);
      const a = i16x8.sub(d4, i16x8.shl(d2, 2));
      const b = i16x8.sub(d3, i16x8.shl(d1, 2));
      const e = i16x8.sub(d4, d2);
      const f = i16x8.shl(i16x8.sub(d3, d1), 1);
      v128.store(v, i16x8.add(i16x8.shl(i16x8.sub(d0, d2), 2), e));
      v += step;
      v128.store(v, i16x8.add(a, b));
      v += step;
      v128.store(v, i16x8.sub(a, b));
      v += step;
      v128.store(v, i16x8.add(e, f));
      v += step;
      v128.store(v, i16x8.sub(e, f));
      v += step;
      v128.store(v, i16x8.add(i16x8.shl(i16x8.sub(d1, d3), 2), i16x8.sub(d5, d3)));
      v += step;
    }
  }
}

/** half = Aᵀ·S for four columns; `s` and `half` step by position and by [4][6]. */
@inline
function transformColumn(s: usize, half: usize): void {
  const s1 = v128.load(s, 768);
  const s2 = v128.load(s, 1536);
  const s3 = v128.load(s, 2304);
  const s4 = v128.load(s, 3072);
  const p = i32x4.add(s1, s2);
  const q = i32x4.sub(s1, s2);
  const r = i32x4.add(s3, s4);
  const v = i32x4.sub(s3, s4);
  v128.store(half, i32x4.add(i32x4.add(v128.load(s), p), r));
  v128.store(half, i32x4.add(q, i32x4.shl(v, 1)), 96);
  v128.store(half, i32x4.add(p, i32x4.shl(r, 2)), 192);
  v128.store(half, i32x4.add(i32x4.add(q, i32x4.shl(v, 3)), i32x4.shl(v128.load(s, 3840), 2)), 288);
}

/** The same for eight columns; the `columns` of S that the patch has. */
export function transformColumns(s: usize, half: usize, columns: i32): void {
  for (const end = half + ((<usize>columns) << 4); half < end; half += 16) {
    transformColumn(s, half);
    transformColumn(s + 16, half + 384);
    s += TILE_BYTES;
  }
}
