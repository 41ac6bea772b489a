/**
 * Winograd F(4x4, 3x3) of `winograd.ts` for weights in FP6 E2M3 and FP4 E2M1 whose results are stored as units:
 * both operands are small integers, so the sums are exact as those of int8.
 *
 * x lies as the machine's dot reads it, its zero at `border`. It is not taken off x: a panel's `start` has it,
 * as for the dot. |x| ≤ 255 all the same. Panels stay packed; one at a time is opened as quads
 * and turned into filters:
 *
 *     scratch of `winograd.ts` │ filters [C][9 taps][8 columns] int8 │ open panel [tap, C/4][8 columns][4 c] int8 │ tail
 */
import { Int8, UInt8 } from "./formats/integer";
import { unitsByRule } from "./minifloat-output";
import { openQuads } from "./minifloat-quads";
import { finishPanel, multiplyPanel } from "./winograd";
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

const NR: i32 = 8;
const QUAD: i32 = 4;
/** Bytes of a filter's taps of one channel. */
const TAPS_BYTES: usize = 72;

/** `inputZeroPoint` is 0. */
@unmanaged
class WinogradUnits extends WinogradParameters {
  /** What 0 is in x. */
  border: i32;
  codeTable: usize;
  /** Quads of a filter. */
  units: i32;
  unitTable: usize;
}

/** `UnitsRule` of `minifloat-output.ts` as a stage of Winograd. */
@unmanaged
class UnitsStage extends WinogradUnits {

  @inline
  prepare(to: usize): void {}


  @inline
  finish(acc: v128, scale: v128, floor: v128, base: v128): v128 {
    return acc;
  }

  /** Sums → t in the lower halves, as in `stepsOf`. */
  @inline
  settle(row: usize, multipliers: usize): void {
    const first = v128.load(row);
    const second = v128.load(row, 16);
    const l = f32x4.relaxed_madd(first, v128.load(multipliers), v128.load(multipliers, 32));
    const h = f32x4.relaxed_madd(second, v128.load(multipliers, 16), v128.load(multipliers, 48));
    v128.store(row, l);
    v128.store(row, h, 16);
  }

  /** Two rows of eight t → units. */
  @inline
  narrowStored(first: usize, second: usize, unusedHigh: v128, unusedFlip: v128): v128 {
    const a = i8x16.narrow_i16x8_u(v128.load(first), v128.load(first, 16));
    const b = i8x16.narrow_i16x8_u(v128.load(second), v128.load(second, 16));
    return unitsByRule(i8x16.narrow_i16x8_u(a, b), this.unitTable, this.rule, this.low);
  }
}

/** An open panel → filters as `transformPanel` reads them. */
function turnPanel(open: usize, channels: i32, to: usize): void {
  for (let tap: usize = 0; tap < 9; tap++) {
    let at = to + (tap << 3);
    for (const end = at + <usize>channels * TAPS_BYTES; at < end; at += 4 * TAPS_BYTES) {
      const a = v128.load(open);
      const b = v128.load(open, 16);
      const low = i8x16.shuffle(a, b, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
      const high = i8x16.shuffle(a, b, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
      v128.store64_lane(at, low, 0);
      v128.store64_lane(at, low, 1, TAPS_BYTES);
      v128.store64_lane(at, high, 0, 2 * TAPS_BYTES);
      v128.store64_lane(at, high, 1, 3 * TAPS_BYTES);
      open += 32;
    }
  }
}

/** Weights in 6 or 4 bits, as the block says. */
export function winograd_x8_m6_4x8c2_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<WinogradUnits>(parameters);
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstTile = (tile / p.chunks) * p.groupTiles;
  const tiles = min(p.groupTiles, p.tileCount - firstTile);
  memory.fill(padRow(scratch), <u8>p.border, p.channels + 16);
  let v = inputPanels(p, scratch);
  for (let t = 0; t < tiles; t++) {
    locatePatch(p, firstTile + t, scratch);
    if (p.border == 0) transformPatch<Int8>(p, v, scratch);
    else transformPatch<UInt8>(p, v, scratch);
    v += <usize>p.channels * 2;
  }
  const quads = <usize>((p.groupTiles + QUAD - 1) / QUAD);
  const weightScratch =
    inputPanels(p, scratch) + POSITIONS * (positionBytes(p) + quads * TILE_BYTES);
  const u = weightScratch + WEIGHT_SCRATCH;
  const filters = u + POSITIONS * panelPositionBytes(p.channels);
  const size = <usize>p.channels * TAPS_BYTES;
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    const from = p.w + <usize>panel * <usize>p.panelBytes;
    const open = openQuads(p.weightBits, from, p.units, p.codeTable, filters + size);
    turnPanel(open, p.channels, filters);
    transformPanel(filters, p.channels, u, weightScratch);
    multiplyPanel(p, u, tiles, scratch);
    finishPanel<UnitsStage>(p, open + size, panel, firstTile, tiles, scratch);
  }
}
