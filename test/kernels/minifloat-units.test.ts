/** The steps of the units' output stage against the definition, for all sums of a range. */
import { describe, expect, it } from "vitest";
import { float4_e2m1fn, float6_e2m3fn, type Minifloat } from "../../src/formats/index.ts";
import { type UnitResults, unitSteps } from "../../src/kernels/index.ts";
import { f32 } from "../../src/quantization/index.ts";
import { randomSource } from "./runner.ts";

/** What `reference()` makes of a sum. */
function wanted(sum: number, m: number, b: number, results: UnitResults): number {
  const { format, scale, low, high } = results;
  const value = f32(f32(f32(sum) * m) + b);
  const clamped = value < low ? low : value > high ? high : value;
  return format.decode(format.encode(f32(clamped / scale), true));
}

/** What the kernel makes of it: the formula of assembly/minifloat-output.ts. */
function made(sum: number, m: number, b: number, low: number, high: number, format: Minifloat) {
  const finest = format === float6_e2m3fn ? 31 : 7;
  const t = Math.min(Math.max(Math.trunc(f32(f32(f32(sum) * m) + b)), low), high);
  const magnitude = Math.abs(t);
  const half = magnitude <= finest ? 1 : magnitude <= 2 * finest + 1 ? 2 : 4;
  const units = Math.floor((magnitude + half) / (2 * half)) * half;
  return (t < 0 ? -units : units) * format.smallest;
}

const RANGES = [
  [-Infinity, Infinity],
  [0, Infinity],
  [0, 6],
  [-1, 1],
] as const;

describe.each([float6_e2m3fn, float4_e2m1fn])("the steps of $name", (format) => {
  it.each(RANGES)("are those of the definition for every sum, clamped to %d, %d", (low, high) => {
    const random = randomSource(77);
    for (let round = 0; round < 60; round++) {
      const scale = f32(2 ** (random() * 10 - 7));
      const m = Float32Array.of(scale * 10 ** (random() * 4 - 4), scale * 2 ** -9);
      const b = Float32Array.of((random() * 2 - 1) * scale * 6, scale * 1.5);
      const results = { format, scale, low, high, reach: 20_000 };
      const steps = unitSteps(m, b, results);
      if (steps === undefined) continue;
      for (let c = 0; c < 2; c++) {
        for (let sum = -20_000; sum <= 20_000; sum += round < 4 ? 1 : 7) {
          const own = wanted(sum, m[c]!, b[c]!, results);
          const { multipliers, biases } = steps;
          const unit = made(sum, multipliers[c]!, biases[c]!, steps.low, steps.high, format);
          if (unit !== own && !(unit === 0 && own === 0)) {
            expect.fail(`${sum} · ${m[c]} + ${b[c]}, scale ${scale}: ${unit} for ${own}`);
          }
        }
      }
    }
  });

  it("exist for the sums of deep layers", () => {
    const random = randomSource(5);
    const channels = 500;
    for (const depth of [27, 576, 1152]) {
      const reach = depth * (format.max / format.smallest) ** 2;
      const m = Float32Array.from({ length: channels }, () => (0.2 + random()) / Math.sqrt(reach));
      const b = Float32Array.from({ length: channels }, () => random() * 4 - 2);
      const results = { format, scale: 0.173, low: 0, high: Infinity, reach };
      expect(unitSteps(m, b, results)).toBeDefined();
    }
  });

  it("do not exist where a bias leaves float32", () => {
    const results = { format, scale: 1e-3, low: -Infinity, high: Infinity, reach: 1000 };
    expect(unitSteps(Float32Array.of(1), Float32Array.of(3e38), results)).toBeUndefined();
  });
});
