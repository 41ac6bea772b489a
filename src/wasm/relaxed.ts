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
 * Of every case, 64 bytes: both operands, the accumulator, the result.
 *
 * (func (export "dot") (param $end i32) (local $p i32) (loop
 *   (v128.store offset=48 (local.get $p) (i32x4.relaxed_dot_i8x16_i7x16_add_s
 *     (v128.load (local.get $p)) (v128.load offset=16 (local.get $p)) (v128.load offset=32 (local.get $p))))
 *   (br_if 0 (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 64))) (local.get $end)))))
 */
// prettier-ignore
const moduleOf = (size: number, third: readonly number[], opcode: number) => Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 1, 127, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1,
  7, 13, 2, 3, 100, 111, 116, 0, 0, 3, 109, 101, 109, 2, 0,
  10, size + 2, 1, size, 1, 1, 127, 3, 64, 32, 1,
  32, 1, 253, 0, 4, 0, 32, 1, 253, 0, 4, 16, ...third,
  253, opcode, 2, 253, 11, 4, 48,
  32, 1, 65, 192, 0, 106, 34, 1, 32, 0, 73, 13, 0, 11, 11,
);

/** The same of `i16x8.relaxed_dot_i8x16_i7x16_s`, which does not accumulate, and of `f32x4.relaxed_madd`. */
const HALF_OPCODE = 146;
const OPCODE = 147;
const MADD_OPCODE = 133;
/** Instructions that load the accumulator. */
const THIRD = [32, 1, 253, 0, 4, 32];

/** Bytes of a case, and of one of its four vectors. */
const CASE_BYTES = 64;
const VECTOR_BYTES = 16;

/** Calls enough for the optimised code to be asked as well as the baseline code. */
const CALLS = 1000;
const ACCUMULATOR = 1_000_003;

let answer: DotClass | undefined;

/** Asked once per process. */
export function relaxedDotClass(): DotClass {
  return (answer ??= hasRelaxedSimd() ? probe() : "none");
}

function probe(): DotClass {
  const answered = ask(moduleOf(47, THIRD, OPCODE), classify);
  // Kernels of this class sum in int16: the dot without accumulation must be the same.
  return answered === "saturating" && !isHalfSaturating() ? "none" : answered;
}

/** Whether the dot into int16 reads its second operand unsigned, and saturates. */
export function isHalfSaturating(): boolean {
  return ask(moduleOf(41, [], HALF_OPCODE), classifyHalf) === "saturating";
}

/** Whether the multiply-add of float32 rounds once: (1 + 2^−12)² − (1 + 2^−11) is 2^−24, rounded twice 0. */
export function isMaddFused(): boolean {
  const fill = (_: Uint8Array, words: Int32Array): void => {
    [0x3f800800, 0x3f800800, 0xbf801000].forEach((bits, i) => words.fill(bits, 4 * i, 4 * i + 4));
  };
  const isFused = (words: Int32Array): DotClass => (words[12] === 0x33800000 ? "sdot" : "none");
  return hasRelaxedSimd() && ask(moduleOf(47, THIRD, MADD_OPCODE), isFused, fill) !== "none";
}

/** The class of an instruction, if its baseline and its optimised code agree. */
function ask(
  module: BufferSource,
  classifyWords: (words: Int32Array) => DotClass,
  fill = fillCases,
): DotClass {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
  const dot = exports["dot"] as (end: number) => void;
  const { buffer } = exports["mem"] as WebAssembly.Memory;
  const words = new Int32Array(buffer);
  const end = CASES.length * CASE_BYTES;
  fill(new Uint8Array(buffer), words);
  dot(end);
  const answered = classifyWords(words);
  for (let i = 0; i < CALLS; i++) dot(end);
  return classifyWords(words) === answered ? answered : "none";
}

function fillCases(bytes: Uint8Array, words: Int32Array): void {
  CASES.forEach(([a, b], i) => {
    // All lanes alike: each lane of the result is four products and the accumulator, or two.
    const [first, second, third, fourth] = [0, 1, 2, 3].map(
      (k) => i * CASE_BYTES + k * VECTOR_BYTES,
    );
    bytes.fill(a, first, second);
    bytes.fill(b, second, third);
    words.fill(ACCUMULATOR, third! / 4, fourth! / 4);
  });
}

const pairOf = (a: number, b: number) => Math.min(Math.max(2 * a * b, -32768), 32767);

const MEANINGS: readonly (readonly [
  name: Exclude<DotClass, "none">,
  products: (a: number, b: number) => number,
])[] = [
  ["usdot", (a, b) => 4 * a * b],
  ["sdot", (a, b) => 4 * a * (b > 127 ? b - 256 : b)],
  ["saturating", (a, b) => 2 * pairOf(a, b)],
];

/** First operand signed, second as a byte: the defined range, and what tells the classes apart. */
const CASES = [
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

function classify(words: Int32Array): DotClass {
  const fitting = MEANINGS.filter(([, products]) =>
    isEach(words, (a, b) => products(a, b) + ACCUMULATOR),
  );
  return fitting.length === 1 ? fitting[0]![0] : "none";
}

/** Two lanes of int16 in each word. */
function classifyHalf(words: Int32Array): DotClass {
  return isEach(words, (a, b) => Math.imul(pairOf(a, b) & 0xffff, 0x10001)) ? "saturating" : "none";
}

function isEach(words: Int32Array, expected: (a: number, b: number) => number): boolean {
  return CASES.every(([a, b], i) => {
    const at = (i * CASE_BYTES + 3 * VECTOR_BYTES) / 4;
    return words.subarray(at, at + 4).every((word) => word === expected(a, b));
  });
}
