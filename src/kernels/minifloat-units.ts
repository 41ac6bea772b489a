/**
 * The output stage that stores what the readers of a layer's result round it to, in units of the format:
 * `UnitsRule` of `assembly/minifloat-output.ts`. What is wanted of a sum A, an integer:
 *
 *     y = clamp(f32(f32(f32(A) · m) + b))        number = that of the format nearest to f32(y / s)
 *
 * and what the kernel computes, in one fused multiply-add on bits that are the float32 number N:
 *
 *     N = 1.5 · 2^23 + A + d      t = the integer nearest to N · M − k      number = that of step t on the grid
 *
 * Both rise with A. So they are equal for all A of a range if each number of the format begins at the same
 * A: for each boundary between numbers, t passes its step T from A − 1 to A, where A is the first sum
 * beyond it. With M ≈ 2 · m / s in units that leaves an interval for the offset (1.5 · 2^23 + d) · M − k. k is an
 * integer, so the least d is looked for that brings the fraction into it. Where M has no such d, its neighbours
 * are tried. All of N, M and k are exact, and the one rounding is far from a tie at every boundary.
 */
import { float4_e2m1fn, float6_e2m3fn, type Minifloat } from "../formats/index.ts";
import { f32 } from "../quantization/index.ts";
import { leastInRange } from "./modular.ts";

/** `OutputParameters.rule`: the rule of FP6, and of FP4. */
const UNITS_RULE = 4;

/** The grid of a format in steps t: halves of the unit. */
export interface UnitGrid {
  readonly rule: number;
  /** The largest |t| of steps of 1; those of 2 end at twice that and 1. */
  readonly finest: number;
  /** The largest t of the largest number. */
  readonly largest: number;
  /** What kernels add to t. */
  readonly zero: number;
}

const GRIDS: ReadonlyMap<Minifloat, UnitGrid> = new Map([
  [float6_e2m3fn, { rule: UNITS_RULE, finest: 31, largest: 123, zero: 128 }],
  [float4_e2m1fn, { rule: UNITS_RULE + 1, finest: 7, largest: 23, zero: 32 }],
]);

/** The grid of a format that the kernels can store; undefined: they cannot. */
export function unitGrid(format: Minifloat): UnitGrid | undefined {
  return GRIDS.get(format);
}

/** Results of a layer. */
export interface UnitResults {
  /** What results are rounded to, and its scale. */
  readonly format: Minifloat;
  readonly scale: number;
  /** Of the clamp. */
  readonly low: number;
  readonly high: number;
}

/** A channel: multiplier of the sum, bias, and the range of sums. */
export interface UnitChannel {
  readonly m: number;
  readonly b: number;
  readonly least: number;
  readonly most: number;
}

/** Of kernels: t clamped to [low, high] as bytes; of a channel bits of N − A, M and k. */
export interface UnitSteps {
  readonly low: number;
  readonly high: number;
  readonly starts: Int32Array;
  readonly multipliers: Float32Array;
  readonly biases: Float32Array;
}

/** Between two neighbouring numbers. */
interface Boundary {
  /** f32(y / s) from which on the upper one is taken, or above which if it is not `inclusive`. */
  readonly middle: number;
  readonly inclusive: boolean;
  /** The first t of the upper one. */
  readonly step: number;
}

/** Boundaries between all numbers of a format, ascending. */
function boundariesOf(format: Minifloat, unit: number): Boundary[] {
  const all: Boundary[] = [];
  for (let code = 1; code <= format.maxCode; code++) {
    const middle = (format.decode(code - 1) + format.decode(code)) / 2;
    // A tie goes to the even code: the upper one in magnitude if that is even.
    const isUpperEven = code % 2 === 0;
    const step = 2 * middle * unit;
    all.push({ middle, inclusive: isUpperEven, step });
    all.push({ middle: -middle, inclusive: !isUpperEven, step: -step });
  }
  return all.toSorted((a, b) => a.middle - b.middle);
}

function isBeyond({ middle, inclusive }: Boundary, value: number): boolean {
  return inclusive ? value >= middle : value > middle;
}

/**
 * What is tried beside M, in units of its last place: another slope moves the steps of large sums against
 * those of small ones.
 */
const NUDGES = [0, ...[1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377].flatMap((n) => [n, -n])];

/** 1.5 · 2^23, its bits, and how far from it float32 numbers are integers of as many bits. */
const MAGIC = 3 * 2 ** 22;
const MAGIC_BITS = 0x4b400000;
const MAGIC_REACH = 2 ** 22;
/** Bytes of t are narrowed from int16. */
const STEP_REACH = 2 ** 15 - 256;

/**
 * What kernels need to store what `reference()` gives, of every channel.
 * @returns undefined: there is no such thing, or no kernel stores the format
 */
export function unitSteps(
  channels: readonly UnitChannel[],
  results: UnitResults,
): UnitSteps | undefined {
  const { format, scale, low, high } = results;
  const grid = unitGrid(format);
  if (grid === undefined) return undefined;
  const unit = 1 / format.smallest;
  const boundaries = boundariesOf(format, unit);
  const limits = boundaries.filter((own) => isBeyond(own, f32(low / scale)));
  const reachable = boundaries.filter((own) => isBeyond(own, f32(high / scale)));
  // Below the clamp nothing changes, nor above it.
  const inner = boundaries.slice(limits.length, reachable.length);
  const floor = limits.at(-1)?.step ?? -grid.largest;
  const ceiling = boundaries[reachable.length]?.step ?? grid.largest + 1;
  const starts = new Int32Array(channels.length);
  const multipliers = new Float32Array(channels.length);
  const biases = new Float32Array(channels.length);
  for (const [c, channel] of channels.entries()) {
    const firsts = inner.map((own) => firstSum(own, channel, results));
    const found = solve(channel, inner, firsts, (2 * unit) / scale, grid.zero);
    if (found === undefined) return undefined;
    starts[c] = MAGIC_BITS + found.shift;
    // The bits of a negative number are narrowed: those of its upper half as int16 give 0.
    multipliers[c] = -found.multiplier;
    biases[c] = found.taken - MAGIC - grid.zero;
  }
  return {
    low: floor + grid.zero,
    high: ceiling - 1 + grid.zero,
    ...{ starts, multipliers, biases },
  };
}

/** The least A in [least, most] beyond a boundary; most + 1: none is. */
function firstSum(
  boundary: Boundary,
  { m, b, least, most }: UnitChannel,
  { scale, low, high }: UnitResults,
): number {
  const isPast = (sum: number): boolean => {
    const value = f32(f32(f32(sum) * m) + b);
    const clamped = value < low ? low : value > high ? high : value;
    return isBeyond(boundary, f32(clamped / scale));
  };
  // The last sum that is not past it, and the first one that is: near the real boundary.
  let below = least - 1;
  let above = most + 1;
  const clampSum = (sum: number): number => Math.min(Math.max(sum, least - 1), most + 1);
  const guess = clampSum(Math.ceil((boundary.middle * scale - b) / m) || 0);
  for (let width = 1; ; width *= 8) {
    const from = clampSum(guess - width);
    const to = clampSum(guess + width);
    for (const sum of [from, to]) {
      if (sum <= below || sum >= above) continue;
      if (isPast(sum)) above = sum;
      else below = sum;
    }
    if (below >= from && above <= to) break;
  }
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2);
    if (isPast(middle)) above = middle;
    else below = middle;
  }
  return above;
}

/** t is the integer nearest to (1.5 · 2^23 + A + shift) · multiplier − taken. */
interface Solution {
  readonly shift: number;
  readonly multiplier: number;
  readonly taken: number;
}

/**
 * @param factor what m is multiplied by for M
 * @param zero what is added to t besides
 */
function solve(
  channel: UnitChannel,
  boundaries: readonly Boundary[],
  firsts: readonly number[],
  factor: number,
  zero: number,
): Solution | undefined {
  const { m, least, most } = channel;
  const ideal = factor * m;
  const lastPlace = 2 ** (Math.floor(Math.log2(ideal)) - 23);
  const slopes = NUDGES.map((nudge) => f32(ideal + nudge * lastPlace));
  // A constant is enough where the sums do not pass a boundary.
  for (const multiplier of [...slopes, 0]) {
    if (!(multiplier < MOST_MULTIPLIER)) continue;
    const { above, below } = offsets(channel, boundaries, firsts, multiplier);
    if (!(above < below)) continue;
    const found = locate(multiplier, above, below, zero, channel);
    if (found === undefined) continue;
    const at = (sum: number): number => (MAGIC + sum + found.shift) * multiplier - found.taken;
    if (at(least) < -STEP_REACH || at(most) > STEP_REACH) continue;
    // Far from the ties, also as float64 has these products and sums.
    const isLess = (value: number, step: number): boolean => value < step - 0.5 - TIE;
    const isMore = (value: number, step: number): boolean => value > step - 0.5 + TIE;
    const holds = boundaries.every(({ step }, i) => {
      const first = firsts[i]!;
      return (
        (first > most || isMore(at(first), step)) && (first <= least || isLess(at(first - 1), step))
      );
    });
    if (holds) return found;
  }
  return undefined;
}

/** How near to a tie no boundary comes. */
const TIE = 2 ** -22;
/** Beyond them N · M, and what is in units of the last place of M, leave float64. */
const MOST_MULTIPLIER = 2 ** 8;
const MOST_PLACES = 48;

/** The open interval of what is added to A · M, for which t passes each boundary where it must. */
function offsets(
  { least, most }: UnitChannel,
  boundaries: readonly Boundary[],
  firsts: readonly number[],
  multiplier: number,
): { above: number; below: number } {
  let above = -Infinity;
  let below = Infinity;
  boundaries.forEach(({ step }, i) => {
    const first = firsts[i]!;
    if (first <= most) above = Math.max(above, step - 0.5 - first * multiplier);
    if (first > least) below = Math.min(below, step - 0.5 - (first - 1) * multiplier);
  });
  if (above === -Infinity) above = Math.min(below, 1) - 1;
  return { above, below: Math.min(below, above + 1) };
}

/** A shift for which (MAGIC + shift) · multiplier less an integer is between two bounds, and the integer a float32. */
function locate(
  multiplier: number,
  above: number,
  below: number,
  zero: number,
  { least, most }: UnitChannel,
): Solution | undefined {
  // In units of the multiplier's last place, modulo 1.
  const places = multiplier === 0 ? 0 : 24 - Math.floor(Math.log2(multiplier));
  const modulus = 2 ** places;
  if (places > MOST_PLACES) return undefined;
  const integer = multiplier * modulus;
  const quarter = (below - above) / 4;
  const first = Math.ceil((above + quarter) * modulus);
  const width = Math.floor(2 * quarter * modulus);
  for (let from = -MAGIC_REACH - least; ; from++) {
    const origin = (((first - (MAGIC + from) * integer) % modulus) + modulus) % modulus;
    const last = origin + width;
    const isNow = origin === 0 || last >= modulus;
    const steps = isNow ? 0 : leastInRange(integer % modulus, modulus, origin, last);
    if (steps === undefined || from + steps >= MAGIC_REACH - most) return undefined;
    from += steps;
    const taken = Math.round((MAGIC + from) * multiplier - (above + below) / 2);
    const addend = taken - MAGIC - zero;
    if (f32(addend) === addend) return { shift: from, multiplier, taken };
  }
}
