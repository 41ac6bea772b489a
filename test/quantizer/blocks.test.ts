/** Re-quantization with a scale for each block of input channels. */
import { describe, expect, it } from "vitest";
import { QuantizationError, UnsupportedError } from "../../src/errors.ts";
import { bfloat16, float32, int4, int8, uint8 } from "../../src/formats/index.ts";
import type { Graph } from "../../src/graph/index.ts";
import { loadGraph } from "../../src/model/index.ts";
import { conv2D, depthwiseConv2D, fullyConnected } from "../../src/operators/index.ts";
import { perBlock, perTensor } from "../../src/quantization/index.ts";
import { applyRequantization } from "../../src/model/requantization.ts";
import { bestScale } from "../../src/quantizer/index.ts";
import { packBits, type Tensor, unpackCodes } from "../../src/tensor/index.ts";
import { apply, tensor, typeOf } from "../operators/apply.ts";
import { referenceOutputs } from "../kernels/runner.ts";
import { constantOf, smallInput, smallNetwork } from "./network.ts";

const BLOCKED = ["int4", "int2", "ternary", "binary"] as const;

/** Granularity of the weights by layer. */
function granularities(graph: Graph): Record<string, string | undefined> {
  const layers = ["first", "branch3", "branch1", "behind", "last"];
  return Object.fromEntries(
    layers.map((name) => [name, constantOf(graph, name, 1).type.quantization?.granularity]),
  );
}

function int4Weights(shape: readonly number[], scales: number[], size: number, codes: number[]) {
  const quantization = perBlock(scales, shape.length - 1, size);
  const type = { format: int4, shape, quantization };
  return { type, data: packBits(int4, codes) } satisfies Tensor;
}

describe("weights in blocks", () => {
  it("are those of layers below 8 bits whose taps are whole units and longer than a block", () => {
    const options = { weights: "int4", keepFirstLast: false } as const;
    const of = (groupSize: number) =>
      granularities(applyRequantization(smallNetwork({ channels: 12 }), { ...options, groupSize }));
    // 3 and 7 channels are no whole units, nor is 1x1 of 12 channels longer than 12.
    const kept = { first: "perChannel", behind: "perChannel" };
    expect(of(4)).toEqual({ ...kept, branch3: "perBlock", branch1: "perBlock", last: "perBlock" });
    expect(of(12)).toMatchObject({ ...kept, branch3: "perBlock", branch1: "perChannel" });
    expect(of(32)).toMatchObject({ branch3: "perBlock", branch1: "perChannel" });
    expect(
      granularities(applyRequantization(smallNetwork(), { ...options, groupSize: 4 })),
    ).toMatchObject({ branch3: "perChannel" });
  });

  it("have the best scale of each block as a bfloat16, and codes beside the weights", () => {
    const graph = smallNetwork({ channels: 12 });
    const [old, own] = [graph, applyRequantization(graph, { weights: "int4", groupSize: 8 })].map(
      (network) => constantOf(network, "branch3", 1),
    ) as [Tensor, Tensor];
    expect(own.type.quantization).toMatchObject({ axis: 3, blockSize: 8 });
    const { scale } = own.type.quantization!;
    expect(scale).toHaveLength(7 * 9 * 2);
    const codes = unpackCodes(own);
    scale.forEach((value, block) => {
      const tap = Math.floor(block / 2);
      const from = tap * 12 + (block % 2) * 8;
      const weights = Int16Array.from(
        old.data.subarray(from, from + (block % 2 === 0 ? 8 : 4)) as Int8Array,
      );
      const unit = old.type.quantization!.scale[Math.floor(tap / 9)]!;
      expect(value).toBe(bfloat16.decode(bfloat16.encode(bestScale(weights, int4) * unit)));
      weights.forEach((weight, i) => {
        const error = Math.abs(codes[from + i]! - (weight * unit) / value);
        expect(error < 1 || [-8, 7].includes(codes[from + i]!)).toBe(true);
      });
    });
  });

  it("are nearer to the weights than with one scale per channel", () => {
    const graph = smallNetwork({ format: float32, channels: 16 });
    const errorOf = (groupSize: number | undefined): number => {
      const rewritten = applyRequantization(graph, { weights: "int4", groupSize });
      const [w, own] = [graph, rewritten].map(
        (network) => constantOf(network, "branch3", 1).data as Float32Array,
      ) as [Float32Array, Float32Array];
      return w.reduce((sum, value, i) => sum + (value - own[i]!) ** 2, 0);
    };
    expect(errorOf(8)).toBeLessThan(0.8 * errorOf(undefined));
  });

  it("stand beside a float32 bias of the same real values", () => {
    const graph = smallNetwork({ channels: 12 });
    const rewritten = applyRequantization(graph, { weights: "int4", groupSize: 4 });
    const [old, own] = [graph, rewritten].map((network) => constantOf(network, "branch3", 2));
    expect(own!.type.format).toBe(float32);
    const { scale } = constantOf(graph, "branch3", 1).type.quantization!;
    old!.data.forEach((code: number | bigint, c: number) => {
      expect(own!.data[c]).toBe(Math.fround(Number(code) * Math.fround(0.05) * scale[c]!));
    });
  });

  for (const [name, options] of [
    ["int8", {}],
    ["uint8", { format: uint8, zeroPoint: 0 }],
  ] as const) {
    it.each(BLOCKED)(
      `of ${name} to %s give the bits of the reference on kernels`,
      async (weights) => {
        for (const activations of [undefined, "uint4", "uint1"] as const) {
          const graph = applyRequantization(smallNetwork({ ...options, channels: 12 }), {
            ...{ weights, activations, groupSize: 8, keepFirstLast: false },
          });
          const input = smallInput(graph);
          const expected = referenceOutputs(graph, [input]);
          for (const isa of ["simd128", "relaxed"] as const) {
            for (const threads of [1, 2]) {
              const model = await loadGraph(graph, { isa, threads, minPoolMacs: 0 });
              expect(Object.values(await model.run(input))).toEqual(expected);
              await model.dispose();
            }
          }
        }
      },
    );
  }

  it("keep their blocks when they are re-quantized again", () => {
    const once = applyRequantization(smallNetwork({ channels: 12 }), {
      weights: "int4",
      groupSize: 4,
    });
    const twice = applyRequantization(once, { weights: "int2" });
    expect(constantOf(twice, "branch3", 1)).toBe(constantOf(once, "branch3", 1));
    expect(constantOf(twice, "behind", 1).type.format.name).toBe("int2");
  });
});

describe("sums of blocks", () => {
  const attributes = { activation: "none", keepDims: false, isRequantized: true } as const;
  const x = tensor(typeOf(int8, [1, 6], perTensor(0.5, -2)), [1, -3, 5, 7, 0, 2]);

  it("are exact, become float32, and are scaled and added in order, under both rules", () => {
    const w = int4Weights([1, 6], [0.25, 3], 4, [1, -2, 3, 4, 5, -8]);
    const bias = tensor(typeOf(float32, [1]), [0.75]);
    // (3·1 + −1·−2 + 7·3 + 9·4) · ¼ + (2·5 + 4·−8) · 3 = −50.5; times 0.5 / 0.7, and 0.75 / 0.7.
    const m = Math.fround(Math.fround(0.5) / Math.fround(0.7));
    const b = Math.fround(0.75 / Math.fround(0.7));
    const expected = Math.round(Math.fround(Math.fround(-50.5 * m) + b)) + 9;
    for (const rounding of ["fp32", "tflite-reference"] as const) {
      const declared = [typeOf(int8, [], perTensor(0.7, 9))];
      const [y] = apply(fullyConnected, attributes, [x, w, bias], {
        ...{ declared, rounding, constants: [1, 2] },
      });
      expect(y!.data[0]).toBe(expected);
    }
  });

  it("depend on their order where float32 rounds", () => {
    const of = (scales: number[], codes: number[]) =>
      apply(fullyConnected, attributes, [x, int4Weights([1, 6], scales, 2, codes)], {
        declared: [typeOf(int8, [], perTensor(1, 0))],
        constants: [1],
      })[0]!.data[0];
    // Sums of 3, 7 and 2, times ½: beside 2^25 the 7 becomes 8; the 2 is added when 2^25 is gone.
    const big = 2 ** 25;
    expect(of([big / 3, 1, big / 2], [1, 0, 1, 0, -1, 0])).toBe(4);
    expect(of([big / 3, big / 7, 1], [1, 0, -1, 0, 1, 0])).toBe(1);
  });

  it("are refused for other operators, axes, formats, and a bias in int32", () => {
    const declared = [typeOf(int8, [], perTensor(1, 0))];
    const run = (w: Tensor, bias?: Tensor) =>
      apply(fullyConnected, attributes, [x, w, bias], { declared, constants: [1, 2] });
    const codes = [1, 2, 3, 4, 5, 6];
    const good = int4Weights([1, 6], [1, 1], 4, codes);
    expect(() => run(good, tensor(typeOf({ ...int8, name: "int32", bits: 32 }, [1]), [0]))).toThrow(
      "bias as float32",
    );
    const along = { ...good.type, quantization: perBlock([1, 1, 1, 1, 1, 1], 0, 4) };
    expect(() => run({ ...good, type: along })).toThrow(QuantizationError);
    const bytes = { ...good.type, format: int8 };
    expect(() => run({ type: bytes, data: Int8Array.from(codes) })).toThrow(
      "weights in blocks as int4",
    );
    const image = tensor(typeOf(int8, [1, 1, 1, 6], perTensor(1, 0)), codes);
    const filters = int4Weights([1, 1, 1, 6], [1, 1], 4, codes);
    const window = {
      strides: [1, 1],
      dilations: [1, 1],
      padding: "same",
      activation: "none",
    } as const;
    expect(() =>
      apply(depthwiseConv2D, window, [image, filters], { declared, constants: [1] }),
    ).toThrow(UnsupportedError);
    const floats = tensor(typeOf(float32, [1, 1, 1, 6]), codes);
    expect(() => apply(conv2D, window, [floats, filters], { constants: [1] })).toThrow(
      UnsupportedError,
    );
  });
});
