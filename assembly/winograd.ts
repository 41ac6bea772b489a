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
import { finishPanel, NR } from "./winograd-output";
import { multiplyPanel, QUAD } from "./winograd-products";
import {
  inputPanels,
  locatePatch,
  padRow,
  positionBytes,
  POSITIONS,
  TILE_BYTES,
  transformPatch,
  WinogradParameters,
} from "./winograd-transform";
import { panelPositionBytes, transformPanel, WEIGHT_SCRATCH } from "./winograd-weights";


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
