/** Emulated accumulators equal to `reference()`, and the published behaviour of chunked sums. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bfloat16,
  findFormat,
  float16,
  float32,
  float4_e2m1fn,
  float6_e2m3fn,
  float8_e3m4,
  float8_e4m3b11fnuz,
  float8_e4m3fn,
  float8_e5m2,
  fp16_e6m9,
  hfp8_e4m3,
  type Minifloat,
} from "../../src/formats/index.ts";
import { chunkedRounding } from "../../src/kernels/index.ts";
import { chunkedMatMul, type ChunkedMatMulAttributes } from "../../src/operators/index.ts";
import { drawSource } from "../../src/quantization/index.ts";
import { packBits, type Tensor } from "../../src/tensor/index.ts";
import { roundExactly } from "../formats/exact.ts";
import { expectReference } from "./against-reference.ts";
import {
  kernelsOf,
  nodeGraph,
  randomSource,
  referenceOutputs,
  runGraph,
  testBuilds,
} from "./runner.ts";

const DRAWS = { seed: 20_181_008, layer: 3, step: 1, stream: 2 };

function attributes(
  accumulator: string,
  chunk: number,
  rounding: "nearest" | "stochastic" = "nearest",
): ChunkedMatMulAttributes {
  return { accumulator, chunk, rounding, draws: DRAWS };
}

function stored(format: Minifloat, codes: readonly number[]): Uint8Array | Uint16Array {
  if (format.bits > 8) return Uint16Array.from(codes);
  return format.bits === 8 ? Uint8Array.from(codes) : packBits(format, codes);
}

function operand(format: Minifloat, shape: readonly number[], codes: readonly number[]): Tensor {
  return { type: { format, shape }, data: stored(format, codes) };
}

/** Codes of numbers, or all codes: infinities and NaN too. */
function randomCodes(format: Minifloat, count: number, seed: number, all = false): number[] {
  const random = randomSource(seed);
  const codes: number[] = [];
  while (codes.length < count) {
    const code = Math.floor(random() * 2 ** format.bits);
    if (all || Number.isFinite(format.decode(code))) codes.push(code);
  }
  return codes;
}

interface Problem {
  readonly a: Minifloat;
  readonly b: Minifloat;
  readonly shape: readonly [m: number, n: number, k: number];
  readonly attributes: ChunkedMatMulAttributes;
  readonly all?: boolean;
}

function problem({ a, b, shape: [m, n, k], attributes, all = false }: Problem) {
  const graph = nodeGraph(
    chunkedMatMul,
    attributes,
    [{ format: a, shape: [m, k] }, operand(b, [n, k], randomCodes(b, n * k, 2, all))],
    [{ format: float32, shape: [] }],
  );
  return { graph, inputs: [stored(a, randomCodes(a, m * k, 1, all))] };
}

function kernelNames({ a, b, attributes: { accumulator, rounding } }: Problem): string[] {
  const way = chunkedRounding({
    a,
    b,
    accumulator: findFormat(accumulator) as Minifloat,
    rounding,
  });
  return [`decode_m${a.bits}_f32`, `chunked_f32_${way}`];
}

/** Sums of a constant column of values through the product with ones, for each chunk length. */
async function sums(
  format: Minifloat,
  values: readonly number[],
  { accumulator, chunk, rounding }: ChunkedMatMulAttributes,
): Promise<number> {
  const k = values.length;
  const graph = nodeGraph(
    chunkedMatMul,
    attributes(accumulator, chunk, rounding),
    [
      { format: float8_e4m3fn, shape: [1, k] },
      operand(
        format,
        [1, k],
        values.map((v) => format.encode(v)),
      ),
    ],
    [{ format: float32, shape: [] }],
  );
  const ones = new Uint8Array(k).fill(float8_e4m3fn.encode(1));
  const { plan, outputs } = await runGraph(graph, [ones]);
  expect(kernelsOf(plan)[1]).toContain(`chunked_f32_${rounding}`);
  expect(outputs).toEqual(referenceOutputs(graph, [ones]));
  return Number(outputs[0]![0]);
}

const accumulators = [fp16_e6m9, float16, bfloat16, float8_e5m2, findFormat("minifloat_e5m8")!];

describe.each(["nearest", "stochastic"] as const)("chunked products, rounded %s", (rounding) => {
  it.each(accumulators.map(({ name }) => name))("in %s equal the reference", async (name) => {
    for (const [a, b] of [
      [float8_e4m3fn, float8_e4m3fn],
      [hfp8_e4m3, float8_e5m2],
      [float6_e2m3fn, float8_e3m4],
      [float4_e2m1fn, fp16_e6m9],
      [fp16_e6m9, float6_e2m3fn],
    ] as const) {
      for (const chunk of [1, 7, 64]) {
        const facts: Problem = {
          a,
          b,
          shape: [5, 6, 131],
          attributes: attributes(name, chunk, rounding),
        };
        const { graph, inputs } = problem(facts);
        await expectReference(graph, { kernels: kernelNames(facts), inputs });
      }
    }
  });

  it("equal the reference at every edge of the tile and of a block of draws", async () => {
    for (const m of [1, 3, 4, 5]) {
      for (const n of [1, 2, 3, 4, 5, 8]) {
        for (const k of [1, 2, 3, 4, 5, 9]) {
          const facts: Problem = {
            ...{ a: float8_e4m3fn, b: float8_e4m3fn, shape: [m, n, k] },
            attributes: attributes("fp16_e6m9", (k % 4) + 1, rounding),
          };
          const { graph, inputs } = problem(facts);
          await expectReference(graph, { kernels: kernelNames(facts), inputs });
        }
      }
    }
  });

  it("equal the reference where sums overflow, and where they are near a draw", async () => {
    // Large codes of few digits; accumulators of so many bits that a draw often hits the fraction.
    for (const accumulator of ["fp16_e6m9", "float16", "bfloat16", "minifloat_e3m12b0"]) {
      const facts: Problem = {
        ...{ a: float8_e5m2, b: float8_e5m2, shape: [8, 16, 700] },
        attributes: attributes(accumulator, 100, rounding),
      };
      const { graph } = problem(facts);
      const random = randomSource(5);
      const codes = Uint8Array.from({ length: 8 * 700 }, () => 100 + Math.floor(random() * 23));
      const inputs = [codes.map((code, i) => (i % 3 === 0 ? code + 128 : code))];
      const expected = referenceOutputs(graph, inputs);
      expect((await runGraph(graph, inputs)).outputs).toEqual(expected);
    }
  });

  it("carry infinities and NaN as the reference", async () => {
    for (const accumulator of ["float16", "bfloat16", "fp16_e6m9", "float8_e4m3fn"]) {
      for (const [a, b] of [
        [float8_e5m2, float8_e5m2],
        [float8_e4m3fn, float8_e5m2],
      ] as const) {
        const facts: Problem = {
          ...{ a, b, shape: [16, 16, 6], all: true },
          attributes: attributes(accumulator, 3, rounding),
        };
        const { graph, inputs } = problem(facts);
        await expectReference(graph, { kernels: kernelNames(facts), inputs });
      }
    }
  });

  it.each(testBuilds)("are the same on %s with 1, 2 and 4 threads", async (build) => {
    for (const shape of [
      [70, 20, 40],
      [2, 160, 200],
    ] as const) {
      const facts: Problem = {
        ...{ a: float8_e4m3fn, b: float8_e4m3fn, shape },
        attributes: attributes("fp16_e6m9", 16, rounding),
      };
      const { graph, inputs } = problem(facts);
      const expected = referenceOutputs(graph, inputs);
      for (const workers of [0, 1, 3]) {
        const { plan, outputs } = await runGraph(graph, inputs, { build, workers });
        expect(kernelsOf(plan)).toEqual(kernelNames(facts));
        const last = plan.steps.at(-1)!;
        expect(last.kind === "kernel" ? last.tiles : 0).toBeGreaterThan(1);
        expect(outputs).toEqual(expected);
      }
    }
  });
});

describe("the reference", () => {
  it("rounds every exact sum once", () => {
    const codes = fc.array(fc.nat(255), { minLength: 1, maxLength: 24 });
    fc.assert(
      fc.property(
        codes,
        codes,
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (x, w, chunk, isDrawn) => {
          const k = Math.min(x.length, w.length);
          const finite = (code: number) => (code % 128 === 127 ? 0 : code);
          const [a, b] = [x, w].map((list) => list.slice(0, k).map(finite));
          const rounding = isDrawn ? "stochastic" : "nearest";
          const graph = nodeGraph(
            chunkedMatMul,
            attributes("fp16_e6m9", chunk, rounding),
            [operand(float8_e4m3fn, [1, k], a!), operand(float8_e4m3fn, [1, k], b!)],
            [{ format: float32, shape: [] }],
          );
          const draw = drawSource(DRAWS);
          const round = (left: number, right: number, r: number) =>
            roundExactly(fp16_e6m9, left, right, isDrawn ? draw(r) : undefined);
          let sum = 0;
          for (let j = 0; j * chunk < k; j++) {
            let c = 0;
            for (let i = j * chunk; i < Math.min((j + 1) * chunk, k); i++) {
              c = round(c, float8_e4m3fn.decode(a![i]!) * float8_e4m3fn.decode(b![i]!), i);
            }
            sum = round(sum, c, k + j);
          }
          expect(Number(referenceOutputs(graph, [])[0]![0])).toBe(sum);
        },
      ),
      { numRuns: 300, seed: 3 },
    );
  });

  it.each([
    ["float9", 1, {}, "a signed minifloat, got float9"],
    ["float32", 1, {}, "a signed minifloat"],
    ["float8_e8m0fnu", 1, {}, "a signed minifloat"],
    ["fp16_e6m9", 0, {}, "a chunk of 1 or more"],
    ["fp16_e6m9", 1, { seed: -1 }, "a seed in [0, 2^53)"],
    ["fp16_e6m9", 1, { layer: 2 ** 32 }, "in [0, 2^32)"],
  ])("refuses accumulator %s, chunk %i, draws %j", (accumulator, chunk, draws, message) => {
    const type = { format: float8_e4m3fn, shape: [1, 4] };
    const given = {
      ...attributes(accumulator, chunk, "stochastic"),
      draws: { ...DRAWS, ...draws },
    };
    expect(() =>
      nodeGraph(chunkedMatMul, given, [type, type], [{ format: float32, shape: [] }]),
    ).toThrow(message);
  });
});

describe("the kernels", () => {
  it.each<[Minifloat, Minifloat, Minifloat, nearest: string, stochastic: string]>([
    [float8_e4m3fn, float8_e5m2, fp16_e6m9, "nearest", "stochastic"],
    [float8_e5m2, float8_e5m2, bfloat16, "nearest", "stochastic"],
    [float8_e3m4, float8_e3m4, fp16_e6m9, "nearest", "stochastic"],
    // Products of more digits, or below the smallest number.
    [fp16_e6m9, fp16_e6m9, fp16_e6m9, "nearest_wide", "stochastic"],
    [float16, float16, float16, "nearest_wide", "stochastic"],
    [float8_e3m4, float8_e3m4, bfloat16, "nearest_wide", "stochastic"],
    [float8_e5m2, float8_e5m2, float16, "nearest_wide", "stochastic"],
    // Errors of sums below float32; products below float32; zero without a sign.
    [fp16_e6m9, fp16_e6m9, bfloat16, "nearest_wide", "none"],
    [bfloat16, bfloat16, fp16_e6m9, "none", "none"],
    [float8_e4m3fn, float8_e4m3fn, float8_e4m3b11fnuz, "none", "none"],
  ])("take operands and accumulators inside their bounds: %#", (a, b, accumulator, ...expected) => {
    const ways = (["nearest", "stochastic"] as const).map(
      (rounding) => chunkedRounding({ a, b, accumulator, rounding }) ?? "none",
    );
    expect(ways).toEqual(expected);
  });

  it("count a shift of the products as a part of their exponents", () => {
    const facts = { a: float8_e4m3fn, b: float8_e4m3fn, accumulator: fp16_e6m9 } as const;
    const ways = [0, 21, 22, 108, 109].map(
      (shift) => chunkedRounding({ ...facts, rounding: "nearest", shift }) ?? "none",
    );
    expect(ways).toEqual(["nearest", "nearest", "nearest_wide", "nearest_wide", "none"]);
  });

  it("leave other forms to the reference", async () => {
    const facts: Problem = {
      ...{ a: float8_e4m3fn, b: float8_e4m3fn, shape: [2, 3, 20] },
      attributes: attributes("float8_e4m3b11fnuz", 4),
    };
    const { graph, inputs } = problem(facts);
    await expectReference(graph, { kernels: ["reference"], inputs });
  });
});

describe("sums in FP16 1-6-9, rounded to nearest", () => {
  const CHUNKS = [1, 8, 16, 32, 64, 128, 256];
  const ones = (count: number) => new Array<number>(count).fill(1);
  const ramp = (count: number) => Array.from({ length: count }, (_, i) => 0.5 + (i % 16) / 16);

  // Known answers: exact, free of randomness.
  it.each([
    ["16384 ones", ones(16_384), [1024, 8192, 16384, 16384, 16384, 16384, 16384]],
    ["65536 ones", ones(65_536), [1024, 8192, 16384, 32768, 65536, 65536, 65536]],
    ["a ramp of 16384", ramp(16_384), [2048, 15696, 16352, 16336, 16304, 15952, 15408]],
    ["a ramp of 65536", ramp(65_536), [2048, 16384, 16384, 32768, 65408, 65088, 64448]],
  ])("of %s are swamped without chunks of the right length", async (_, values, expected) => {
    const got: number[] = [];
    for (const chunk of CHUNKS) {
      got.push(await sums(float8_e3m4, values, attributes("fp16_e6m9", chunk)));
    }
    expect(got).toEqual(expected);
  });

  it("of uniform values with mean 1 and deviation 1 stall at 4096 without chunks", async () => {
    const random = randomSource(1812);
    const uniform = Array.from({ length: 65_536 }, () => 1 + (2 * random() - 1) * Math.sqrt(3));
    const values = uniform.map((value) => fp16_e6m9.decode(fp16_e6m9.encode(value)));
    for (const count of [16_384, 65_536]) {
      const part = values.slice(0, count);
      const exact = part.reduce((a, b) => a + b);
      expect(await sums(fp16_e6m9, part, attributes("fp16_e6m9", 1))).toBe(4096);
      for (const chunk of [64, 128, 256]) {
        const sum = await sums(fp16_e6m9, part, attributes("fp16_e6m9", chunk));
        expect(Math.abs(sum / exact - 1)).toBeLessThan(0.01);
      }
      const drawn = await sums(fp16_e6m9, part, attributes("fp16_e6m9", 1, "stochastic"));
      expect(Math.abs(drawn / exact - 1)).toBeLessThan(0.06);
    }
  });
});
