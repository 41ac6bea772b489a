/** Networks in minifloats: what becomes of a graph, its scales, its options, and that it is exact. */
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/errors.ts";
import {
  float4_e2m1fn,
  float6_e2m3fn,
  float6_e3m2fn,
  float8_e4m3fn,
  float8_e4m3fnuz,
  float8_e5m2,
  type Minifloat,
} from "../../src/formats/index.ts";
import { type Graph, inferGraph } from "../../src/graph/index.ts";
import type { AccumulateAttributes } from "../../src/operators/index.ts";
import { loadGraph, type LoadOptions } from "../../src/model/index.ts";
import { applyRequantization } from "../../src/model/requantization.ts";
import { requantize } from "../../src/model/load.ts";
import { floatGraph, rounderOf } from "../../src/quantizer/index.ts";
import { randomSource, referenceOutputs } from "../kernels/runner.ts";
import { constantOf, nodeOf, smallInput, smallNetwork } from "./network.ts";

const LAYERS = ["first", "branch3", "branch1", "depthwise", "behind", "last"];

function formatsOf(graph: Graph): string[] {
  return LAYERS.map((name) => constantOf(graph, name, 1).type.format.name);
}

async function expectReference(graph: Graph, threads = 1): Promise<void> {
  const input = smallInput(graph);
  const expected = referenceOutputs(graph, [input]);
  for (const isa of ["simd128", "relaxed"] as const) {
    const model = await loadGraph(graph, { isa, threads, minPoolMacs: 0 });
    try {
      expect(Object.values(await model.run(input))).toEqual(expected);
    } finally {
      await model.dispose();
    }
  }
}

/** The network in float32, as a file without ranges. */
function smallFloatNetwork(): Graph {
  const { graph } = floatGraph(smallNetwork());
  return inferGraph(graph);
}

describe("a network in minifloats", () => {
  it.each(["float8_e4m3fn", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"] as const)(
    "in %s has the bits of the references on every instruction set and thread count",
    async (format) => {
      const graph = applyRequantization(smallNetwork(), { weights: format, activations: format });
      expect(formatsOf(graph)).toEqual(LAYERS.map(() => format));
      await expectReference(graph);
      await expectReference(graph, 3);
    },
  );

  it("keeps formats and names of inputs and outputs", () => {
    const graph = applyRequantization(smallNetwork(), { weights: "float8_e5m2" });
    const ends = ({ values, inputs, outputs }: Graph) =>
      [...inputs, ...outputs].map((id) => [values[id]!.name, values[id]!.type.format.name]);
    expect(ends(graph)).toEqual(ends(smallNetwork()));
    expect(graph.nodes.some(({ operator }) => operator.name === "EncodeMinifloat")).toBe(false);
  });

  it("keeps first and last layers where that is asked", () => {
    const options = { weights: "float8_e4m3fn", keepFirstLast: true } as const;
    const formats = formatsOf(applyRequantization(smallNetwork(), options));
    expect(formats[0]).toBe("float32");
    expect(formats.at(-1)).toBe("float32");
    expect(formats.slice(1, -1)).toEqual([
      "float8_e4m3fn",
      "float8_e4m3fn",
      "float8_e4m3fn",
      "float8_e4m3fn",
    ]);
  });

  it("encodes a value once for all layers that read it", () => {
    const options = { weights: "float8_e4m3fn", activations: "float8_e4m3fn" } as const;
    const graph = applyRequantization(smallNetwork(), options);
    const encoded = graph.nodes.filter(({ operator }) => operator.name === "EncodeMinifloat");
    expect(new Set(encoded.map(({ inputs }) => inputs[0])).size).toBe(encoded.length);
    expect(encoded.length).toBeLessThan(LAYERS.length);
  });

  it("has scales that are powers of two where that is asked", () => {
    const graph = applyRequantization(smallNetwork(), {
      ...{ weights: "float6_e2m3fn", activations: "float6_e2m3fn", powerOfTwoScales: true },
    });
    const scales = graph.values
      .filter(({ type }) => type.format === float6_e2m3fn)
      .flatMap(({ type }) => [...type.quantization!.scale]);
    expect(scales.length).toBeGreaterThan(LAYERS.length);
    expect(scales.every((scale) => Number.isInteger(Math.log2(scale)))).toBe(true);
  });

  it("is that of the real numbers of the file, within a code with weights in 16 bits", () => {
    const source = smallNetwork();
    const { graph: real } = floatGraph(source);
    const graph = applyRequantization(source, { weights: "fp16_e6m9" });
    const input = smallInput(source);
    const [got] = referenceOutputs(graph, [input]);
    const [expected] = referenceOutputs(inferGraph(real), [input]);
    for (let i = 0; i < got!.length; i++) {
      expect(Math.abs(Number(got![i]) - Number(expected![i]))).toBeLessThanOrEqual(1);
    }
  });
});

describe("what the first layers read", () => {
  const inputFormat = (options: LoadOptions): string => {
    const graph = applyRequantization(smallNetwork(), options);
    return graph.values[nodeOf(graph, "first").inputs[0]!]!.type.format.name;
  };
  const both = (format: "float8_e4m3fn" | "float6_e2m3fn") => {
    return { weights: format, activations: format } as const;
  };

  it("is float32, or integers between formats whose sums are exact, or 16 bits to accumulate", () => {
    expect(inputFormat(both("float8_e4m3fn"))).toBe("float32");
    expect(inputFormat(both("float6_e2m3fn"))).toBe("minifloat_e1m6b0");
    expect(inputFormat({ weights: "float6_e2m3fn" })).toBe("float32");
    const accumulate = { format: "fp16_e6m9", chunk: 16 } as const;
    expect(inputFormat({ ...both("float8_e4m3fn"), accumulate })).toBe("fp16_e6m9");
  });

  it("is another format where that is asked", async () => {
    const options = { ...both("float6_e2m3fn"), inputs: "float8_e4m3fn" } as const;
    expect(inputFormat(options)).toBe("float8_e4m3fn");
    await expectReference(applyRequantization(smallNetwork(), options));
  });
});

describe("the accumulate option", () => {
  const accumulate = { format: "bfloat16", chunk: 16, rounding: "stochastic", seed: 7 } as const;
  const formats = { weights: "float8_e5m2", activations: "float8_e5m2" } as const;

  it("gives the same for 1, 2 and 4 threads, and something else for another seed", async () => {
    const outputs = async (options: LoadOptions): Promise<unknown> => {
      const graph = applyRequantization(smallNetwork(), { ...formats, ...options });
      const model = await loadGraph(graph, { ...options, minPoolMacs: 0 });
      try {
        return Object.values(await model.run(smallInput(graph)));
      } finally {
        await model.dispose();
      }
    };
    const one = await outputs({ threads: 1, accumulate });
    expect(await outputs({ threads: 2, accumulate })).toEqual(one);
    expect(await outputs({ threads: 4, accumulate })).toEqual(one);
    expect(await outputs({ threads: 1, accumulate: { ...accumulate, seed: 8 } })).not.toEqual(one);
  });

  it("has the bits of the references", async () => {
    await expectReference(applyRequantization(smallNetwork(), { ...formats, accumulate }));
  });

  it("is that of depthwise layers too, and no sum overflows", () => {
    // E4M3 codes fit into FP16 1-6-9, but not behind inputs that reach its own largest number.
    for (const [format, isShifted] of [
      ["fp16_e6m9", (name: string) => name === "first"],
      ["float16", () => true],
    ] as const) {
      const options = { weights: "float8_e4m3fn", activations: "float8_e4m3fn" } as const;
      const own = { format, chunk: 64 } as const;
      const source = smallNetwork();
      const graph = applyRequantization(source, { ...options, accumulate: own });
      for (const name of LAYERS) {
        const { accumulate: sum } = nodeOf(graph, name).attributes as {
          accumulate: AccumulateAttributes;
        };
        expect(sum.accumulator).toBe(format);
        expect(sum.shift! > 0).toBe(isShifted(name));
      }
      const input = smallInput(source);
      const codesOf = (own: Graph) => [...(referenceOutputs(own, [input])[0] as Int8Array)];
      const got = codesOf(graph);
      const near = codesOf(applyRequantization(source, options));
      expect(Math.max(...got.map((code, i) => Math.abs(code - near[i]!)))).toBeLessThanOrEqual(12);
      expect(new Set(got).size).toBeGreaterThan(2);
    }
  });

  it.each([
    [
      { format: "float9", chunk: 64 },
      'accumulate.format: expected a minifloat with a sign, got "float9"',
    ],
    [{ format: "float32", chunk: 64 }, "accumulate.format: expected a minifloat"],
    [{ chunk: 64 }, "accumulate.format: expected a minifloat with a sign, got undefined"],
    [true, "accumulate.format: expected a minifloat"],
    [null, "accumulate.format: expected a minifloat"],
    [{ format: "fp16_e6m9" }, "accumulate.chunk: expected an integer from 1, got undefined"],
    [{ format: "fp16_e6m9", chunk: 0 }, "accumulate.chunk: expected an integer from 1, got 0"],
    [{ format: "fp16_e6m9", chunk: 1.5 }, "accumulate.chunk"],
    [
      { format: "fp16_e6m9", chunk: "64" },
      'accumulate.chunk: expected an integer from 1, got "64"',
    ],
    [
      { format: "fp16_e6m9", chunk: 64, rounding: "up" },
      'accumulate.rounding: expected "nearest" or "stochastic", got "up"',
    ],
    [
      { format: "fp16_e6m9", chunk: 64, rounding: "stochastic", seed: -1 },
      "accumulate.seed: expected an integer in [0, 2^53), got -1",
    ],
    [{ format: "fp16_e6m9", chunk: 64, seed: 2 ** 53 }, "accumulate.seed"],
  ])("says what it expects: %j", (given, message) => {
    const options = { ...formats, accumulate: given } as unknown as LoadOptions;
    expect(() => applyRequantization(smallNetwork(), options)).toThrow(InputError);
    expect(() => applyRequantization(smallNetwork(), options)).toThrow(message);
  });

  it("is refused beside float32 activations", () => {
    const options = { weights: "float8_e5m2", accumulate } as const;
    expect(() => applyRequantization(smallNetwork(), options)).toThrow(InputError);
    const inputs = { ...options, activations: "float8_e5m2", inputs: "float32" } as const;
    expect(() => applyRequantization(smallNetwork(), inputs)).toThrow(/inputs/);
  });
});

describe("the ranges of a float32 network", () => {
  const options = { weights: "float8_e4m3fn", activations: "float8_e4m3fn" } as const;

  it("have to come from samples", () => {
    expect(() => applyRequantization(smallFloatNetwork(), options)).toThrow(/calibrate/);
  });

  it("come from samples", async () => {
    const source = smallFloatNetwork();
    const calibrate = [smallInput(source)];
    await expectReference(await requantize(source, { ...options, calibrate }));
  });

  it("come with means: biases make up for what rounding adds to them", async () => {
    const source = smallFloatNetwork();
    const calibrate = [smallInput(source)];
    const biases = async (more: LoadOptions): Promise<Float32Array[]> => {
      const graph = await requantize(source, { weights: "float4_e2m1fn", ...more });
      return LAYERS.map((name) => constantOf(graph, name, 2).data as Float32Array);
    };
    const given = LAYERS.map((name) => constantOf(source, name, 2).data);
    expect(await biases({})).toEqual(given);
    const corrected = await biases({ calibrate });
    corrected.forEach((bias, i) => expect(bias).not.toEqual(given[i]));
  });

  it("are no business of other options", async () => {
    const source = smallFloatNetwork();
    await expect(requantize(source, { ...options, calibrate: [] })).rejects.toThrow(InputError);
    await expect(requantize(source, { calibrate: [smallInput(source)] })).rejects.toThrow(
      /weights/,
    );
  });
});

describe("options that do not fit each other", () => {
  it.each([
    [{ weights: "float8_e8m0fnu" }, /sign/],
    [{ weights: "float8_e4m3fn", activations: "uint4" }, /activations/],
    [{ weights: "int4", activations: "float8_e4m3fn" }, /weights/],
    [{ powerOfTwoScales: true }, /weights/],
    [{ weights: "float5_e2m2" }, /weights/],
    [{ weights: "float8_e4m3fn", inputs: "int8" }, /inputs/],
    [{ inputs: "float32" }, /weights/],
  ] as const)("%o are refused", (options, message) => {
    expect(() => applyRequantization(smallNetwork(), options as LoadOptions)).toThrow(message);
  });
});

describe("the rounder of the scale search", () => {
  it.each([
    ...[float8_e4m3fn, float8_e5m2, float8_e4m3fnuz],
    ...[float6_e2m3fn, float6_e3m2fn, float4_e2m1fn],
  ])("gives the value of the nearest code: $name", (format: Minifloat) => {
    const round = rounderOf(format);
    const random = randomSource(3);
    for (let i = 0; i < 20_000; i++) {
      const value = Math.fround((random() * 2 - 1) * format.max * 2 ** (-random() * 12));
      expect(Math.abs(round(value))).toBe(Math.abs(format.decode(format.encode(value))));
    }
  });
});
