/**
 * What this machine's vector units can do at most, measured in a few milliseconds: the limits that the
 * speed of kernels is a share of. Each loop is nothing but one kind of multiply on twelve independent
 * accumulators, so that neither memory nor latency holds it up.
 */
import { type KernelBound, kernelTable } from "../kernels/index.ts";
import { hasRelaxedSimd } from "../wasm/index.ts";

/** Per second: instructions of each multiply, and bytes of a copy within the second-level cache. */
export interface MachineLimits {
  readonly dot: number;
  readonly deep: number;
  readonly multiply: number;
  readonly float: number;
  readonly swizzle: number;
  readonly copy: number;
}

const ACCUMULATORS = 12;
/** Rounds of all accumulators in one turn of the loop. */
const UNROLLED = 4;
const TURNS = 500;
/** A loop is measured until it has not become faster for this long: then it is optimised. */
const STEADY_MS = 10;
const MOST_MS = 200;

const OPCODES = {
  v128: 0x7b,
  i32: 0x7f,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  vector: 0xfd,
} as const;

type Unit = KernelBound["unit"];

/** Measured anew by every call: the clock rate changes with what else runs. */
export function measureLimits(): MachineLimits {
  const relaxed = (unit: Unit) => (hasRelaxedSimd() ? instructionRate(unit) : 0);
  return {
    dot: relaxed("dot"),
    deep: relaxed("deep"),
    multiply: instructionRate("multiply"),
    float: instructionRate("float"),
    swizzle: instructionRate("swizzle"),
    copy: copyRate(),
  };
}

/**
 * How fast a kernel could be at most, in multiply-accumulates per second, or in bytes in and out if it
 * has none.
 */
export function limitOf(name: string, limits: MachineLimits): number {
  const bound = kernelTable.get(name)?.bound;
  return bound === undefined ? limits.copy : bound.macs * limits[bound.unit];
}

function instructionRate(unit: Unit): number {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(loopModule(unit)));
  const run = exports["run"] as (turns: number) => void;
  const perCall = TURNS * UNROLLED * ACCUMULATORS;
  return bestRate(() => run(TURNS), perCall);
}

function copyRate(): number {
  const bytes = 128 * 1024;
  const memory = new Uint8Array(2 * bytes);
  // Read and written.
  return bestRate(() => memory.copyWithin(bytes, 0, bytes), 2 * bytes);
}

/** Units per second of the fastest call: others are interrupted, or not optimised yet. */
function bestRate(call: () => void, unitsPerCall: number): number {
  const start = performance.now();
  let least = Infinity;
  let improved = start;
  for (let begin = start; begin - improved < STEADY_MS && begin - start < MOST_MS;) {
    for (let i = 0; i < 8; i++) call();
    const now = performance.now();
    const time = (now - begin) / 8;
    if (time < 0.9 * least) improved = now;
    least = Math.min(least, time);
    begin = now;
  }
  return (unitsPerCall / least) * 1000;
}

/**
 * (func (export "run") (param $turns i32) (local $a v128) (local $b v128) (local $c0 … $c11 v128)
 *   a = load 0, b = load 16, then $turns times: every c = operation(c, a, b); at the end stores them)
 */
function loopModule(unit: Unit): Uint8Array<ArrayBuffer> {
  const { v128, i32, localGet, localSet, localTee, vector } = OPCODES;
  const [turns, a, b, first] = [0, 1, 2, 3];
  const load = (offset: number) => [0x41, 0, vector, 0x00, 0, offset];
  const operations: Readonly<Record<Unit, (c: number) => number[]>> = {
    // i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b, c)
    dot: (c) => [localGet, a, localGet, b, localGet, c, vector, 0x93, 0x02],
    // i16x8.relaxed_dot_i8x16_i7x16_s(c, b)
    deep: (c) => [localGet, c, localGet, b, vector, 0x92, 0x02],
    // i8x16.swizzle(a, c)
    swizzle: (c) => [localGet, a, localGet, c, vector, 0x0e],
    // i32x4.dot_i16x8_s(c, b)
    multiply: (c) => [localGet, c, localGet, b, vector, 0xba, 0x01],
    // f32x4.add(f32x4.mul(c, a), b)
    float: (c) => [localGet, c, localGet, a, vector, 0xe6, 0x01, localGet, b, vector, 0xe4, 0x01],
  };
  const accumulators = Array.from({ length: ACCUMULATORS }, (_, i) => first + i);
  const round = accumulators.flatMap((c) => [...operations[unit](c), localSet, c]);
  const body = [
    // Locals: 14 vectors behind the parameter.
    ...[1, 2 + ACCUMULATORS, v128],
    ...[...load(0), localSet, a, ...load(16), localSet, b],
    ...[0x03, 0x40],
    ...Array.from({ length: UNROLLED }, () => round).flat(),
    // turns − 1, again unless it is 0
    ...[localGet, turns, 0x41, 1, 0x6b, localTee, turns, 0x0d, 0, 0x0b],
    ...accumulators.flatMap((c, i) => [0x41, 0, localGet, c, vector, 0x0b, 0, 32 + 4 * i]),
    0x0b,
  ];
  return Uint8Array.from([
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, i32, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [1, 3, 114, 117, 110, 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)];
}
