/**
 * Matrix product and convolutions with minifloat weights, in float32: the tiles of `float-tiles.ts` on parts of
 * panels that are opened in scratch. x is what its codes stand for, as float32.
 *
 * The result is defined to the bit: c starts at +0, then c = c + a·w, k ascending, multiply and add
 * rounded apart; then scale, bias and clamp.
 */
import { openIntegers, scaleBlocks } from "./block-scales";
import { RowsInPlace } from "./byte-rows";
import { CopiedWindows } from "./conv-dot";
import { IndirectParameters } from "./conv-indirect";
import { floatTile } from "./float-sweep";
import { MultiplyAdd, RoundedApart } from "./float-tiles";
import {
  Codes4,
  Codes6,
  Codes8,
  decodeGroup,
  decodeNumbers,
  GROUP,
  MinifloatTable,
} from "./formats/minifloat";
import { finishFloat } from "./minifloat-output";
import { TAIL } from "./minifloat-panels";


@unmanaged
export class GemmMinifloat extends RowsInPlace {
  /** What the codes stand for: a `MinifloatTable`, or that of integers. */
  codeTable: usize;
  /** Bytes from a thread's scratch to what is open of a panel. */
  panel: i32;
  /** Where results are units: constants of `minifloat-output.ts`. */
  unitTable: usize;
}


@unmanaged
export class ConvMinifloat extends CopiedWindows {
  codeTable: usize;
  panel: i32;
  unitTable: usize;
}


@unmanaged
export class IndirectMinifloat extends IndirectParameters {
  codeTable: usize;
  panel: i32;
  unitTable: usize;
}

/** Sums from +0, then scale, bias and clamp: over the tail of a panel (`minifloat-panels.ts`). */
@unmanaged
export class Scaled {

  @inline
  start(at: usize): v128 {
    return f32x4.splat(0);
  }


  @inline
  end(c: v128, at: usize): v128 {
    const tail = changetype<usize>(this);
    const scaled = f32x4.mul(c, v128.load(tail + at, 32));
    const bias = v128.load(tail + at, 64);
    return finishFloat(scaled, bias, v128.load(tail, 96), v128.load(tail, 112));
  }
}

/** `MinifloatTable.kind`. */
const NUMBERS: i32 = 1;
const INTEGERS: i32 = 2;

/** Codes F, in whole groups. */
@inline
function openCodes<F>(codes: usize, table: usize, to: usize, end: usize): void {
  if (changetype<MinifloatTable>(table).kind == NUMBERS) {
    while (to < end) {
      decodeNumbers(changetype<F>(codes).unpack(), table, to);
      codes += offsetof<F>();
      to += 4 * GROUP;
    }
  }
  while (to < end) {
    decodeGroup(changetype<F>(codes).unpack(), table, to);
    codes += offsetof<F>();
    to += 4 * GROUP;
  }
}

/** Units [first, first + count) of a panel: of 8 codes of `bits` bits, or of 8 float32. */
function openPart(
  panel: usize,
  first: i32,
  count: i32,
  units: i32,
  bits: i32,
  table: usize,
  to: usize,
): usize {
  const codes = panel + <usize>(first * bits);
  const end = to + ((<usize>count) << 5);
  if (bits == 8) {
    if (changetype<MinifloatTable>(table).kind == INTEGERS) openIntegers(codes, to, end);
    else openCodes<Codes8>(codes, table, to, end);
  } else if (bits == 6) openCodes<Codes6>(codes, table, to, end);
  else if (bits == 4) openCodes<Codes4>(codes, table, to, end);
  else return codes;
  const tap = changetype<MinifloatTable>(table).tap;
  if (tap > 0) scaleBlocks(panel + codeBytes(units, bits) + TAIL, tap, first, count, to);
  return to;
}

/** Bytes of a panel's codes: whole groups. */
@inline
function codeBytes(units: i32, bits: i32): usize {
  return <usize>(bits < 32 ? ((units + 1) & ~1) * bits : units * bits);
}


@unmanaged
class GemmPanels extends GemmMinifloat {

  @inline
  areWhole(): bool {
    return false;
  }


  @inline
  open(panel: usize, first: i32, count: i32, scratch: usize): usize {
    const to = scratch + <usize>this.panel;
    return openPart(panel, first, count, this.units, this.weightBits, this.codeTable, to);
  }


  @inline
  tail(panel: usize): usize {
    return panel + codeBytes(this.units, this.weightBits);
  }
}


@unmanaged
class ConvPanels extends ConvMinifloat {

  @inline
  areWhole(): bool {
    return false;
  }


  @inline
  open(panel: usize, first: i32, count: i32, scratch: usize): usize {
    const to = scratch + <usize>this.panel;
    return openPart(panel, first, count, this.units, this.weightBits, this.codeTable, to);
  }


  @inline
  tail(panel: usize): usize {
    return panel + codeBytes(this.units, this.weightBits);
  }
}

/** Weights in 8, 6 or 4 bits, or as float32, as the block says. */
export function gemm_f32_m8_5x8c1(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<GemmMinifloat>(parameters);
  floatTile<GemmMinifloat, GemmPanels, Scaled, RoundedApart>(p, scratch, tile);
}

/** Weights in 8, 6 or 4 bits, or as float32, as the block says. */
export function conv_f32_m8_5x8c1(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<ConvMinifloat>(parameters);
  floatTile<ConvMinifloat, ConvPanels, Scaled, RoundedApart>(p, scratch, tile);
}

/** The same by multiply-adds: products are exact, or the caller lets them round otherwise. */
export function gemm_f32_m8_6x8c1_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<GemmMinifloat>(parameters);
  floatTile<GemmMinifloat, GemmPanels, Scaled, MultiplyAdd>(p, scratch, tile);
}

/** The same by multiply-adds: products are exact, or the caller lets them round otherwise. */
export function conv_f32_m8_6x8c1_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<ConvMinifloat>(parameters);
  floatTile<ConvMinifloat, ConvPanels, Scaled, MultiplyAdd>(p, scratch, tile);
}
