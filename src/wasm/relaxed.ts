/**
 * What the relaxed dots of this engine and machine do, asked with operands from memory: a compiler
 * that folds a constant may fix another meaning than the machine has.
 */
import { hasRelaxedSimd } from "./probe.ts";

/**
 * `usdot`: second operand unsigned, exact. `sdot`: signed, exact. `saturating`: unsigned, pairs
 * saturate at int16. `none`: anything else, or not there.
 */
export type DotClass = "usdot" | "sdot" | "saturating" | "none";

/**
 * (func (export "dot") (v128.store (i32.const 48) (i32x4.relaxed_dot_i8x16_i7x16_add_s
 *   (v128.load (i32.const 0)) (v128.load (i32.const 16)) (v128.load (i32.const 32)))))
 */
// prettier-ignore
const MODULE = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1,
  7, 13, 2, 3, 100, 111, 116, 0, 0, 3, 109, 101, 109, 2, 0,
  10, 31, 1, 29, 0, 65, 48,
  65, 0, 253, 0, 4, 0, 65, 16, 253, 0, 4, 0, 65, 32, 253, 0, 4, 0,
  253, 147, 2, 253, 11, 4, 0, 11,
);

/** Calls enough for the optimised code to be asked as well as the baseline code. */
const CALLS = 1000;
const ACCUMULATOR = 1_000_003;

let answer: DotClass | undefined;

/** Asked once per process. */
export function relaxedDotClass(): DotClass {
  return (answer ??= hasRelaxedSimd() ? probe() : "none");
}

function probe(): DotClass {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(MODULE));
  const dot = exports["dot"] as () => void;
  const memory = new DataView((exports["mem"] as WebAssembly.Memory).buffer);
  const first = classify(dot, memory);
  for (let i = 0; i < CALLS; i++) dot();
  return classify(dot, memory) === first ? first : "none";
}

function classify(dot: () => void, memory: DataView): DotClass {
  const meanings: Readonly<Record<Exclude<DotClass, "none">, (a: number, b: number) => number>> = {
    usdot: (a, b) => 4 * a * b,
    sdot: (a, b) => 4 * a * (b > 127 ? b - 256 : b),
    saturating: (a, b) => 2 * Math.min(Math.max(2 * a * b, -32768), 32767),
  };
  const fitting = (["usdot", "sdot", "saturating"] as const).filter((name) =>
    OPERANDS.every(([a, b]) => ask(dot, memory, a, b) === meanings[name](a, b) + ACCUMULATOR),
  );
  return fitting.length === 1 ? fitting[0]! : "none";
}

/** First operand signed, second as a byte: the defined range, and what tells the classes apart. */
const OPERANDS = [
  [1, 128],
  [127, 255],
  [-128, 255],
  [-128, 128],
  [-1, 127],
  [127, 127],
  [-128, 127],
  [3, 5],
  [-77, 201],
  [0, 255],
] as const;

/** All lanes alike: each result lane is four products and the accumulator. */
function ask(dot: () => void, memory: DataView, a: number, b: number): number {
  for (let i = 0; i < 16; i++) {
    memory.setInt8(i, a);
    memory.setUint8(16 + i, b);
  }
  for (let lane = 0; lane < 4; lane++) memory.setInt32(32 + lane * 4, ACCUMULATOR, true);
  dot();
  const results = [0, 4, 8, 12].map((offset) => memory.getInt32(48 + offset, true));
  return results.every((result) => result === results[0]) ? results[0]! : NaN;
}
