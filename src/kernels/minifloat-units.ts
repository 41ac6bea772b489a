/**
 * The output stage that stores what the readers of a layer's result round it to, in units of the format:
 * `UnitsRule` of `assembly/minifloat-output.ts`. What is wanted of a sum A, an integer:
 *
 *     y = clamp(f32(f32(f32(A) · m) + b))        number = that of the format nearest to f32(y / s)
 *
 * and what the kernel computes:
 *
 *     t = trunc(f32(A) · M + B), clamped      number = that of step t on the grid
 *
 * Both rise with A. So they are equal for all A of a range if each number of the format begins at the same
 * A: for each boundary between numbers, t passes its step T from A − 1 to A, where A is the first sum
 * beyond it. With M ≈ 2 · m / s in units that leaves an interval for B, from which the middle is taken, and
 * the steps at all A − 1 and A are computed as the kernel does. Where M has no B, its neighbours are tried.
 * |A · M + B| stays within int32. Machines round the product before the sum or not: the steps are proven for
 * both.
 */
import { float4_e2m1fn, float6_e2m3fn, type Minifloat } from "../formats/index.ts";
import { f32 } from "../quantization/index.ts";

/** `OutputParameters.rule`. */
export const UNITS_RULE = 4;

/** The grid of a format in steps t: halves of the unit. */
export interface UnitGrid {
  /** The largest |t| of steps of 1; those of 2 end at twice that and 1. */
  readonly finest: number;
  /** The largest t of the largest number. */
  readonly largest: number;
}

const GRIDS: ReadonlyMap<Minifloat, UnitGrid> = new Map([
  [float6_e2m3fn, { finest: 31, largest: 123 }],
  [float4_e2m1fn, { finest: 7, largest: 23 }],
]);

/** The grid of a format that the kernels can store; undefined: they cannot. */
export function unitGrid(format: Minifloat): UnitGrid | undefined {
  return GRIDS.get(format);
}

/** Results of a layer, and the range of its sums. */
export interface UnitResults {
  /** What results are rounded to, and its scale. */
  readonly format: Minifloat;
  readonly scale: number;
  /** Of the clamp. */
  readonly low: number;
  readonly high: number;
  /** The largest |A|. */
  readonly reach: number;
}

/** t of kernels: clamped to [low, high]; one multiplier and bias a channel. */
export interface UnitSteps {
  readonly low: number;
  readonly high: number;
  readonly multipliers: Float32Array;
  readonly biases: Float32Array;
}

/** Between two neighbouring numbers. */
interface Boundary {
  /** f32(y / s) from which on the upper one is taken, or above which if it is not `inclusive`. */
  readonly middle: number;
  readonly inclusive: boolean;
  /** The first t of the upper one, and the least A · M + B that gives it, or where that is excluded. */
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
    all.push({ middle: -middle, inclusive: !isUpperEven, step: 1 - step });
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

/**
 * Multipliers and biases for which kernels store what `reference()` gives, of every channel.
 * @param m per channel, of the sum
 * @param b per channel
 * @returns undefined: there are none, or no kernel stores the format
 */
export function unitSteps(
  m: Float32Array,
  b: Float32Array | undefined,
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
  const steps = { low: floor, high: ceiling - 1 };
  const multipliers = new Float32Array(m.length);
  const biases = new Float32Array(m.length);
  for (let c = 0; c < m.length; c++) {
    const channel = { m: m[c]!, b: b?.[c] ?? 0 };
    const starts = inner.map((own) => firstSum(own, channel, results));
    const found = solve(channel, inner, starts, results, unit);
    if (found === undefined) return undefined;
    multipliers[c] = found.multiplier;
    biases[c] = found.bias;
  }
  return { ...steps, multipliers, biases };
}

interface Channel {
  readonly m: number;
  readonly b: number;
}

/** The least A in [−reach, reach] beyond a boundary; reach + 1: none is. */
function firstSum(
  boundary: Boundary,
  { m, b }: Channel,
  { scale, low, high, reach }: UnitResults,
): number {
  const isPast = (sum: number): boolean => {
    const value = f32(f32(f32(sum) * m) + b);
    const clamped = value < low ? low : value > high ? high : value;
    return isBeyond(boundary, f32(clamped / scale));
  };
  // The last sum that is not past it, and the first one that is: near the real boundary.
  let below = -reach - 1;
  let above = reach + 1;
  const clampSum = (sum: number): number => Math.min(Math.max(sum, -reach - 1), reach + 1);
  const guess = clampSum(Math.ceil((boundary.middle * scale - b) / m));
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

function solve(
  { m, b }: Channel,
  boundaries: readonly Boundary[],
  starts: readonly number[],
  { scale, reach }: UnitResults,
  unit: number,
): { multiplier: number; bias: number } | undefined {
  const ideal = (2 * unit * m) / scale;
  const lastPlace = 2 ** (Math.floor(Math.log2(ideal)) - 23);
  if (!(ideal > 2 ** -120 && ideal < 2 ** 120)) return undefined;
  for (const nudge of NUDGES) {
    const multiplier = f32(ideal + nudge * lastPlace);
    // The real bias is taken where no boundary is within reach.
    let least = -Infinity;
    let most = Infinity;
    boundaries.forEach(({ step }, i) => {
      const start = starts[i]!;
      // trunc: t ≥ step from step on, or above step − 1 where that is not positive.
      const edge = step > 0 ? step : step - 1;
      if (start <= reach) least = Math.max(least, edge - f32(f32(start) * multiplier));
      if (start > -reach) most = Math.min(most, edge - f32(f32(start - 1) * multiplier));
    });
    if (!(least < most)) continue;
    const real = (2 * unit * b) / scale;
    const isBounded = least > -Infinity && most < Infinity;
    const bias = f32(isBounded ? (least + most) / 2 : Math.min(Math.max(real, least), most));
    if (!(reach * multiplier + Math.abs(bias) < MAX_SCALED)) return undefined;
    const holds = boundaries.every(({ step }, i) => {
      const start = starts[i]!;
      return (
        (start > reach || isPast(start, multiplier, bias, step) === true) &&
        (start <= -reach || isPast(start - 1, multiplier, bias, step) === false)
      );
    });
    if (holds) return { multiplier, bias };
  }
  return undefined;
}

/**
 * Whether t ≥ step, however the machine rounds A · M + B; undefined: that depends on it. float64 holds the
 * product exactly, and its sum is far nearer to the real one than the float32 that is in question.
 */
function isPast(sum: number, multiplier: number, bias: number, step: number): boolean | undefined {
  const rounded = Math.trunc(f32(f32(f32(sum) * multiplier) + bias)) >= step;
  const exact = f32(sum) * multiplier + bias;
  // trunc(v) ≥ step from v = step on, and above step − 1 where step is not positive.
  const edge = step > 0 ? step : step - 1;
  const lastPlace = 2 ** (Math.ceil(Math.log2(Math.abs(edge))) - 24);
  const beyond = (exact - edge) / lastPlace + (step > 0 ? 0.5 : -0.5);
  return Math.abs(beyond) > 0.01 && beyond > 0 === rounded ? rounded : undefined;
}

/** What the kernels convert to int32. */
const MAX_SCALED = 2 ** 31 - 256;
