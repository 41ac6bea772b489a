import { describe, expect, test } from "vitest";
import { int32, int8, uint8 } from "../../src/formats/index.ts";
import { fitsWinograd, WINOGRAD_MAX_SUM } from "../../src/kernels/index.ts";
import { conv2D } from "../../src/operators/index.ts";
import { perChannel, perTensor, type Rounding } from "../../src/quantization/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import {
  kernelsOf,
  nodeGraph,
  randomData,
  randomSource,
  referenceOutputs,
  runGraph,
  testBuilds,
} from "./runner.ts";

interface Case {
  readonly input: readonly [batch: number, height: number, width: number, channels: number];
  readonly columns: number;
  readonly format?: typeof int8;
  readonly padding?: "same" | "valid";
  readonly zeroPoint?: number;
  /** Factor of the output's scale: small ones make scaled sums large. */
  readonly outputFactor?: number;
  readonly fill?: (weights: Int8Array) => void;
  /** Of every column. */
  readonly bias?: number;
}

function problem(c: Case, seed = 1) {
  const random = randomSource(seed);
  const { format = int8, padding = "same", columns: n } = c;
  const channels = c.input[3];
  const scales = Array.from({ length: n }, () => 0.002 + random() * 0.01);
  const weightType = {
    format: int8,
    shape: [n, 3, 3, channels],
    quantization: perChannel(scales, new Array<number>(n).fill(0), 0),
  };
  const w: Tensor = { type: weightType, data: randomData(weightType, random) };
  c.fill?.(w.data as Int8Array);
  const bias: Tensor = {
    type: { format: int32, shape: [n] },
    data: Int32Array.from({ length: n }, () => c.bias ?? Math.floor((random() - 0.5) * 4000)),
  };
  const zeroPoint = c.zeroPoint ?? (format === int8 ? -7 : 130);
  const x = { format, shape: c.input, quantization: perTensor(0.02, zeroPoint) };
  const y = {
    format,
    shape: [],
    quantization: perTensor(
      0.02 * Math.sqrt(channels) * (c.outputFactor ?? 1),
      format === int8 ? 5 : 120,
    ),
  };
  const graph = nodeGraph(
    conv2D,
    { strides: [1, 1], dilations: [1, 1], padding, activation: "relu6" },
    [x, w, bias],
    [y],
  );
  const kernel = `winograd_${format === int8 ? "i8" : "u8"}_i8_4x8c2`;
  return { graph, kernel, data: randomData(x, random) };
}

const roundings: readonly Rounding[] = ["fp32", "tflite-reference"];

describe("Winograd F(4x4, 3x3) is equal to the reference", () => {
  // Around one output tile (4), one patch (6), one quad of tiles, one panel (8), partly filled ones.
  const cases: Case[] = [
    { input: [1, 3, 3, 8], columns: 7 },
    { input: [1, 4, 5, 8], columns: 8 },
    { input: [2, 5, 7, 16], columns: 9 },
    { input: [1, 6, 6, 24], columns: 16, padding: "valid" },
    { input: [1, 17, 15, 8], columns: 33 },
    { input: [1, 8, 8, 64], columns: 24 },
    { input: [3, 9, 4, 40], columns: 1, padding: "valid" },
    // Quads of narrow tiles: two columns, one, no others, of several images.
    { input: [1, 14, 14, 16], columns: 17 },
    { input: [1, 13, 13, 8], columns: 8 },
    { input: [1, 15, 2, 8], columns: 9 },
    { input: [3, 16, 6, 8], columns: 8 },
  ];
  for (const c of cases) {
    for (const format of [int8, uint8]) {
      test(`${c.input.join("x")} to ${c.columns}, ${format.name}`, async () => {
        for (const rounding of roundings) {
          const { graph, kernel, data } = problem({ ...c, format });
          const expected = referenceOutputs(graph, [data], rounding);
          for (const build of testBuilds) {
            const run = await runGraph(graph, [data], { build, rounding, forced: kernel });
            expect(kernelsOf(run.plan)).toEqual([kernel]);
            expect(run.outputs, `${build} ${rounding}`).toEqual(expected);
          }
        }
      });
    }
  }

  test("where scaled sums may pass 2^22, where they may not, and near that", async () => {
    for (let outputFactor = 1; outputFactor > 2 ** -22; outputFactor /= 4) {
      const { graph, kernel, data } = problem({ input: [1, 5, 7, 8], columns: 9, outputFactor });
      const run = await runGraph(graph, [data], { forced: kernel });
      expect(run.outputs, `factor ${outputFactor}`).toEqual(referenceOutputs(graph, [data]));
    }
  });

  test("over two worker threads", async () => {
    const { graph, kernel, data } = problem({ input: [1, 28, 28, 32], columns: 64 });
    const run = await runGraph(graph, [data], { forced: kernel, workers: 2 });
    expect(run.outputs).toEqual(referenceOutputs(graph, [data]));
  });
});

describe("Winograd at the edge of what determines a sum", () => {
  const channels = 120;
  /** Weights of one sign that add up to `sum`. */
  const filled = (sum: number, sign: 1 | -1) => (weights: Int8Array) => {
    let left = sum;
    for (let i = 0; i < weights.length; i++) {
      const weight = Math.min(left, 127);
      weights[i] = sign * weight;
      left -= weight;
    }
    expect(left).toBe(0);
  };
  const largest = 130_000;
  const rest = WINOGRAD_MAX_SUM - 255 * largest;

  for (const sign of [1, -1] as const) {
    for (const zeroPoint of [-128, 127]) {
      test(`weights of sign ${sign}, zero point ${zeroPoint}, extreme inputs`, async () => {
        const { graph, kernel, data } = problem({
          input: [1, 4, 4, channels],
          columns: 1,
          zeroPoint,
          fill: filled(largest, sign),
          bias: zeroPoint === -128 ? sign * rest : -sign * rest,
        });
        (data as Int8Array).fill(zeroPoint === 127 ? -128 : 127);
        const run = await runGraph(graph, [data], { forced: kernel });
        expect(kernelsOf(run.plan)).toEqual([kernel]);
        expect(run.outputs).toEqual(referenceOutputs(graph, [data]));
      });
    }
  }

  test("one more than the bound is refused, and so is a weight outside int8", () => {
    const whole = Math.floor(largest / 127);
    const weights = new Int16Array(whole + 1).fill(127);
    weights[0] = largest - 127 * whole;
    for (const sign of [1, -1]) {
      expect(fitsWinograd(weights, 1, Int32Array.of(sign * rest))).toBe(true);
      expect(fitsWinograd(weights, 1, Int32Array.of(sign * (rest + 1)))).toBe(false);
    }
    expect(fitsWinograd(new Int16Array(9).fill(129), 1)).toBe(false);
  });
});
