/** Re-quantization of graphs: which layers, what becomes of them, and that it is exact. */
import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../src/errors.ts";
import { float32, int4, int8, uint4, uint8 } from "../../src/formats/index.ts";
import { type Graph, inferGraph } from "../../src/graph/index.ts";
import { narrowingMultiplier, weightChannels } from "../../src/operators/index.ts";
import { perTensor } from "../../src/quantization/index.ts";
import { applyRequantization } from "../../src/model/requantization.ts";
import { ACTIVATION_SCHEMES, narrowType, WEIGHT_SCHEMES } from "../../src/quantizer/index.ts";
import { unpackCodes } from "../../src/tensor/index.ts";
import { loadGraph } from "../../src/model/index.ts";
import type { Rounding } from "../../src/quantization/index.ts";
import { referenceOutputs } from "../kernels/runner.ts";
import { constantOf, nodeOf, outputOf, smallInput, smallNetwork } from "./network.ts";

/** A model of the graph gives the bits of the operators' references, on both instruction sets. */
async function expectReference(graph: Graph, rounding: Rounding, threads = 1): Promise<void> {
  const input = smallInput(graph);
  const expected = referenceOutputs(graph, [input], rounding);
  for (const isa of ["simd128", "relaxed"] as const) {
    const model = await loadGraph(graph, { rounding, isa, threads, minPoolMacs: 0 });
    try {
      expect(Object.values(await model.run(input))).toEqual(expected);
    } finally {
      await model.dispose();
    }
  }
}

/** Formats of the weights by layer. */
function weightFormats(graph: Graph): Record<string, string> {
  const layers = ["first", "branch3", "branch1", "depthwise", "behind", "last"];
  return Object.fromEntries(
    layers.map((name) => [name, constantOf(graph, name, 1).type.format.name]),
  );
}

describe("the layers that are re-quantized", () => {
  it("are those with a layer before and a layer behind them, but no depthwise one", () => {
    expect(weightFormats(applyRequantization(smallNetwork(), { weights: "int4" }))).toEqual({
      first: "int8",
      branch3: "int4",
      branch1: "int4",
      depthwise: "int8",
      behind: "int4",
      last: "int8",
    });
  });

  it("are first and last as well without keepFirstLast", () => {
    const options = { weights: "binary", keepFirstLast: false } as const;
    expect(weightFormats(applyRequantization(smallNetwork(), options))).toEqual({
      first: "binary",
      branch3: "binary",
      branch1: "binary",
      depthwise: "int8",
      behind: "binary",
      last: "binary",
    });
  });

  it("keep what has no more bits than asked for", () => {
    const graph = applyRequantization(smallNetwork(), { weights: "int2" });
    for (const weights of ["int4", "int2", "int8"] as const) {
      expect(applyRequantization(graph, { weights }).nodes).toEqual(graph.nodes);
    }
    expect(weightFormats(applyRequantization(graph, { weights: "binary" }))).toMatchObject({
      branch3: "binary",
    });
  });

  it("become int8 where uint8 weights meet activations of fewer bits", () => {
    const graph = smallNetwork({ format: uint8, zeroPoint: 0 });
    const rewritten = applyRequantization(graph, { activations: "uint4" });
    expect(weightFormats(rewritten)).toMatchObject({ first: "uint8", branch3: "int8" });
  });

  it("leave the graph that was given as it was", () => {
    const graph = smallNetwork();
    const before = JSON.stringify(graph);
    applyRequantization(graph, { weights: "int2", activations: "uint2", keepFirstLast: false });
    expect(JSON.stringify(graph)).toBe(before);
  });
});

describe("activations below 8 bits", () => {
  const graph = smallNetwork();
  const rewritten = applyRequantization(graph, { weights: "int4", activations: "uint4" });

  it("come from one Quantize in front of the first of their readers", () => {
    expect(rewritten.nodes.map(({ name, operator }) => `${operator.name} ${name}`)).toEqual([
      "Conv2D first",
      "Quantize first/uint4",
      "Conv2D branch3",
      "Conv2D branch1",
      "Add add",
      "DepthwiseConv2D depthwise",
      "Quantize depthwise/uint4",
      "Conv2D behind",
      "FullyConnected last",
    ]);
    const [narrow] = nodeOf(rewritten, "first/uint4").outputs;
    expect(nodeOf(rewritten, "branch3").inputs[0]).toBe(narrow);
    expect(nodeOf(rewritten, "branch1").inputs[0]).toBe(narrow);
    expect(outputOf(rewritten, "branch1").type).toEqual(outputOf(graph, "branch1").type);
  });

  it("have zero point 0 behind a ReLU, and represent 0 whatever the zero point is", () => {
    expect(outputOf(rewritten, "first/uint4").type).toMatchObject({
      format: { name: "uint4" },
      quantization: { zeroPoint: Int32Array.of(0) },
    });
    for (const zeroPoint of [-128, -127, -100, -1, 0, 60, 127]) {
      for (const activations of ["uint4", "uint2", "uint1"] as const) {
        const network = smallNetwork({ zeroPoint });
        const narrow = applyRequantization(network, { activations });
        const quantize = nodeOf(narrow, `first/${activations}`);
        const { type } = outputOf(narrow, quantize.name);
        const x = {
          type: { ...outputOf(network, "first").type, shape: [1] },
          data: Int8Array.of(zeroPoint),
        };
        const [y] = quantize.operator.reference([x], {} as never, {
          rounding: "fp32",
          outputs: [{ ...type, shape: [1] }],
        });
        expect(unpackCodes(y!)[0]).toBe(type.quantization!.zeroPoint[0]);
      }
    }
  });

  it("span the range of a ReLU6, and a part of any other range", () => {
    for (const [scale, multiplier] of [
      [6 / 255, 15],
      [5.9 / 255, 40],
      [6.1 / 255, 40],
    ] as const) {
      const x = { format: int8, shape: [4], quantization: perTensor(scale, -128) };
      const { quantization } = narrowType(x, uint4);
      expect(quantization!.scale[0]).toBeCloseTo((scale * 256) / multiplier, 6);
      expect(narrowingMultiplier(x, narrowType(x, uint4))).toBe(multiplier);
    }
  });

  it("are refused for layers that compute in float32, with what would do", () => {
    const network = smallNetwork({ format: float32 });
    const options = { weights: "int4", activations: "uint4" } as const;
    expect(() => applyRequantization(network, options)).toThrow(UnsupportedError);
    expect(() => applyRequantization(network, options)).toThrow(
      /3 layers.*"branch3".*weights alone/,
    );
  });
});

describe("the results of a re-quantized network", () => {
  it("are those of the 8-bit one where the weights lie on the new grid", () => {
    // Codes k · 16 in −8 … 7 and biases that 16 divides: sums and scales change by a power of two,
    // which no float32 rounding sees.
    const graph = smallNetwork({ step: 16 });
    for (const name of ["branch3", "branch1", "behind"]) {
      const { type, data } = constantOf(graph, name, 1);
      const depth = data.length / type.shape[0]!;
      // 16 and −8 · 16 in a channel leave no other scale that represents it.
      for (let i = 0; i < data.length; i += depth) (data as Int8Array).set([-128, 16], i);
    }
    const rewritten = applyRequantization(graph, { weights: "int4" });
    const scalesOf = (network: Graph) => [
      ...constantOf(network, "branch3", 1).type.quantization!.scale,
    ];
    expect(scalesOf(rewritten)).toEqual(scalesOf(graph).map((scale) => 16 * scale));
    const input = [smallInput(graph)];
    expect(referenceOutputs(rewritten, input)).toEqual(referenceOutputs(graph, input));
  });

  const networks = [
    ["int8", smallNetwork()],
    ["int8 with negative activations", smallNetwork({ zeroPoint: -20 })],
    ["uint8", smallNetwork({ format: uint8, zeroPoint: 0 })],
  ] as const;
  for (const [name, graph] of networks) {
    it.each(WEIGHT_SCHEMES)(
      `of ${name} to %s are those of its reference on kernels`,
      async (weights) => {
        for (const activations of ACTIVATION_SCHEMES) {
          for (const keepFirstLast of [true, false]) {
            const options = { weights, activations, keepFirstLast };
            const rewritten = applyRequantization(graph, options);
            for (const rounding of ["fp32", "tflite-reference"] as const) {
              await expectReference(rewritten, rounding);
            }
          }
        }
      },
    );
  }

  it("are those of its reference on two threads", async () => {
    for (const weights of WEIGHT_SCHEMES) {
      const options = { weights, activations: "uint4" } as const;
      await expectReference(applyRequantization(smallNetwork(), options), "fp32", 2);
    }
  });

  it.each(WEIGHT_SCHEMES)("of a float32 network to %s lie on the grid", async (weights) => {
    const graph = smallNetwork({ format: float32 });
    const rewritten = applyRequantization(graph, { weights });
    const w = constantOf(rewritten, "branch3", 1);
    expect(w.type.format).toBe(float32);
    const depth = w.data.length / 7;
    for (let c = 0; c < 7; c++) {
      const own = new Set(w.data.subarray(c * depth, (c + 1) * depth) as Float32Array);
      const levels = { int8: 255, int4: 16, int2: 4, ternary: 3, binary: 2 }[weights];
      expect(own.size).toBeLessThanOrEqual(levels);
      expect(own.size).toBeGreaterThan(1);
    }
    expect(constantOf(rewritten, "first", 1)).toBe(constantOf(graph, "first", 1));
  });
});

describe("the bias of a re-quantized layer", () => {
  it("keeps its real value to half a step of the new scale", () => {
    const graph = smallNetwork();
    const options = { weights: "int2", activations: "uint4" } as const;
    const rewritten = applyRequantization(graph, options);
    const steps = (network: Graph, name: string) => {
      const node = nodeOf(network, name);
      const inputScale = network.values[node.inputs[0]!]!.type.quantization!.scale[0]!;
      const { scales } = weightChannels(constantOf(network, name, 1).type, 7);
      return scales.map((scale) => scale * inputScale);
    };
    const old = steps(graph, "branch3");
    const fresh = steps(rewritten, "branch3");
    const codes = constantOf(graph, "branch3", 2).data;
    const newCodes = constantOf(rewritten, "branch3", 2).data;
    for (let c = 0; c < 7; c++) {
      const difference = Number(newCodes[c]) * fresh[c]! - Number(codes[c]) * old[c]!;
      expect(Math.abs(difference)).toBeLessThanOrEqual(0.5001 * fresh[c]!);
    }
  });

  it("widens the scale of weights that are tiny beside it, so that the sum stays in int32", () => {
    const graph = smallNetwork();
    const bias = constantOf(graph, "behind", 2).data as Int32Array;
    bias.set([2 ** 30, -(2 ** 30)]);
    (constantOf(graph, "behind", 1).data as Int8Array).fill(0, 0, 14);
    for (const scheme of WEIGHT_SCHEMES) {
      const rewritten = applyRequantization(graph, { weights: scheme, activations: "uint2" });
      const codes = constantOf(rewritten, "behind", 2).data;
      expect(Math.max(Math.abs(Number(codes[0])), Math.abs(Number(codes[1])))).toBeLessThanOrEqual(
        2 ** 30,
      );
    }
  });

  it("may be absent, and weights may be shared with a layer that keeps them", () => {
    const graph = smallNetwork();
    const shared = nodeOf(graph, "branch1").inputs[1]!;
    const nodes = graph.nodes.map((node) =>
      node.name === "branch1" ? { ...node, inputs: node.inputs.slice(0, 2) } : node,
    );
    const outputs = [...graph.outputs, shared];
    const rewritten = applyRequantization({ ...graph, nodes, outputs }, { weights: "int4" });
    expect(nodeOf(rewritten, "branch1").inputs).toHaveLength(2);
    expect(constantOf(rewritten, "branch1", 1).type.format).toBe(int4);
    expect(rewritten.values[shared]!.type.format).toBe(int8);
  });
});

describe("float activations beside integer weights", () => {
  it("keep integer weights, in fewer bits", async () => {
    const base = smallNetwork({ format: float32 });
    const values = base.values.map((value) => {
      if (!value.name.endsWith("/w") || value.name.startsWith("depthwise")) return value;
      const data = Int8Array.from(value.constant!.data as Float32Array, (v) => Math.round(v * 127));
      const type = { format: int8, shape: value.type.shape, quantization: perTensor(1 / 127, 0) };
      return { ...value, type, constant: { type, data } };
    });
    const graph = inferGraph({ ...base, values });
    for (const weights of ["int4", "ternary"] as const) {
      const rewritten = applyRequantization(graph, { weights });
      expect(weightFormats(rewritten)).toMatchObject({ first: "int8", branch3: weights });
      await expectReference(rewritten, "fp32");
    }
  });
});
