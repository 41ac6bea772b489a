/**
 * Winograd F(4x4, 3x3) of `winograd.ts` for weights in FP6 E2M3 and FP4 E2M1 whose results are stored as units:
 * both operands are small integers, so the sums are exact as those of int8.
 *
 * x lies as the machine's dot reads it, its zero at `border`. It is not taken off x: a panel's `start` has it,
 * as for the dot. |x| ≤ 255 all the same. Panels stay packed; one at a time is opened as quads
 * and turned into filters:
 *
 *     scratch of `winograd.ts` │ filters [C/2][9 taps][8 columns][2 c] int8 │ open panel [tap, C/4][8 columns][4 c] int8 │ tail
 */
import { Int8, UInt8 } from "./formats/integer";
import { stepsOf, unitsByRule } from "./minifloat-output";
import { openQuads } from "./minifloat-quads";
import { storePair } from "./requantize/output";
import { finishPanel } from "./winograd-output";
import { multiplyPanel } from "./winograd-products";
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

/** Where a stage has its constant in scratch. */
const CONSTANT: usize = 64;

/** `UnitsRule` of `minifloat-output.ts` as a stage of Winograd. */
@unmanaged
class UnitsStage extends WinogradUnits {
  /** A sum is the bits of 1.5 · 2^23 and an integer, of which 26 bits come through: −12,582,912 and that integer. */
  @inline
  prepare(to: usize): void {
    v128.store(to, i32x4.splat(0x4c000000), CONSTANT);
  }


  @inline
  sum(acc: v128, scratch: usize): v128 {
    return i32x4.add(i32x4.shr_s(acc, 6), v128.load(scratch, CONSTANT));
  }


  @inline
  scaleDown(multipliers: usize, to: usize): usize {
    return multipliers;
  }

  /** Two rows of eight sums → units. */
  @inline
  storeRows(
    al: v128,
    ah: v128,
    bl: v128,
    bh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    columns: i32,
    scratch: usize,
  ): void {
    const ml = v128.load(multipliers);
    const mh = v128.load(multipliers, 16);
    const biasL = v128.load(multipliers, 32);
    const biasH = v128.load(multipliers, 48);
    const a = stepsOf(al, ah, ml, mh, biasL, biasH);
    const b = stepsOf(bl, bh, ml, mh, biasL, biasH);
    const steps = i8x16.narrow_i16x8_u(a, b);
    storePair(unitsByRule(steps, this.unitTable, this.rule), ya, yb, columns);
  }
}

/** An open panel → filters as `transformPanel` reads them. */
function turnPanel(open: usize, channels: i32, to: usize): void {
  for (let tap: usize = 0; tap < 9; tap++) {
    let at = to + (tap << 4);
    for (const end = at + <usize>channels * TAPS_BYTES; at < end; at += 4 * TAPS_BYTES) {
      const a = v128.load(open);
      const b = v128.load(open, 16);
      v128.store(at, i16x8.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14));
      v128.store(at, i16x8.shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15), 2 * TAPS_BYTES);
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
    if (p.border == 0) transformPatch<Int8>(p, firstTile + t, v, scratch);
    else transformPatch<UInt8>(p, firstTile + t, v, scratch);
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
    multiplyPanel(p, u, open + size, firstTile, tiles, scratch);
    finishPanel<UnitsStage>(p, open + size, panel, firstTile, tiles, scratch);
  }
}
