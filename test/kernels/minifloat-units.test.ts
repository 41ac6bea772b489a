/** The steps of the units' output stage against the definition, for all sums of a range. */
import { describe, expect, it } from "vitest";
import { float4_e2m1fn, float6_e2m3fn, type Minifloat } from "../../src/formats/index.ts";
import {
  type UnitChannel,
  unitGrid,
  type UnitResults,
  unitSteps,
  unitTable,
  type UnitSteps,
} from "../../src/kernels/index.ts";
import { f32 } from "../../src/quantization/index.ts";
import { randomSource } from "./runner.ts";

/** What `reference()` makes of a sum. */
function wanted(sum: number, m: number, b: number, results: UnitResults): number {
  const { format, scale, low, high } = results;
  const value = f32(f32(f32(sum) * m) + b);
  const clamped = value < low ? low : value > high ? high : value;
  return format.decode(format.encode(f32(clamped / scale), true));
}

const words = new Int32Array(1);
const floats = new Float32Array(words.buffer);

/** What the kernel makes of it: `UnitsRule` of assembly/minifloat-output.ts on one lane. */
function made(sum: number, steps: UnitSteps, table: Uint8Array, format: Minifloat): number {
  words[0] = steps.starts[0]! + sum;
  // No boundary is so near to a tie that float64 would round to it.
  floats[0] = floats[0]! * steps.multipliers[0]! + steps.biases[0]!;
  if (words[0]! >= 0) throw new Error("expected a negative number");
  const lower = (words[0]! << 16) >> 16;
  const t = Math.max(Math.min(Math.max(lower, 0), 255, table[32]!), table[16]!);
  const extra = table[(t >> (format === float6_e2m3fn ? 4 : 2)) & 15]!;
  const units = (((t + extra + 1) >> 1) & ~extra) + table[48]!;
  return ((units << 24) >> 24) * format.smallest;
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
    let found = 0;
    for (let round = 0; round < 60; round++) {
      const scale = f32(2 ** (random() * 10 - 7));
      const channels: UnitChannel[] = [
        [f32(scale * 10 ** (random() * 4 - 4)), f32((random() * 2 - 1) * scale * 6)],
        [f32(scale * 2 ** -9), f32(scale * 1.5)],
        [f32(scale * 2 ** -70), f32(scale * 3)],
      ].map(([m, b]) => ({ m: m!, b: b!, least: -20_000, most: 9_000 }));
      const results = { format, scale, low, high };
      for (const channel of channels) {
        const steps = unitSteps([channel], results);
        if (steps === undefined) continue;
        found++;
        const table = unitTable(unitGrid(format)!, steps, 0);
        for (let sum = channel.least; sum <= channel.most; sum += round < 4 ? 1 : 7) {
          const own = wanted(sum, channel.m, channel.b, results);
          const unit = made(sum, steps, table, format);
          if (unit !== own && !(unit === 0 && own === 0)) {
            expect.fail(`${sum} · ${channel.m} + ${channel.b}, scale ${scale}: ${unit} for ${own}`);
          }
        }
      }
    }
    expect(found).toBeGreaterThan(90);
  });

  it("exist for the sums of deep layers", () => {
    const random = randomSource(5);
    for (const depth of [27, 576, 1152]) {
      const most = depth * (format.max / format.smallest) ** 2;
      const channels = Array.from({ length: 500 }, () => {
        const m = f32((0.2 + random()) / Math.sqrt(most));
        return { m, b: f32(random() * 4 - 2), least: -most / 8, most: most / 8 };
      });
      const results = { format, scale: 0.173, low: 0, high: Infinity };
      expect(unitSteps(channels, results)).toBeDefined();
    }
  });

  it("do not exist where sums leave float32 or steps int16", () => {
    const results = { format, scale: 0.0012347, low: -Infinity, high: Infinity };
    const of = (m: number, most: number) => unitSteps([{ m, b: 0, least: -most, most }], results);
    expect(of(1e-7, 2 ** 21)).toBeDefined();
    expect(of(1e-8, 2 ** 23)).toBeUndefined();
    expect(of(1e-4, 2 ** 21)).toBeUndefined();
    expect(of(1, 1000)).toBeUndefined();
  });
});
