/** Files with FLOAT8 tensors run on the operators of minifloats. */
import { describe, expect, it } from "vitest";
import { ModelError, QuantizationError } from "../../src/errors.ts";
import { float8_e4m3fn, float8_e5m2 } from "../../src/formats/index.ts";
import { inferGraph } from "../../src/graph/index.ts";
import { importModel } from "../../src/importers/index.ts";
import { load } from "../../src/model/index.ts";
import { kernelsOf, randomSource, referenceOutputs } from "../kernels/runner.ts";
import { int32, int8 } from "./flatbuffer-writer.ts";
import { type ModelDescription, type TensorDescription, writeModel } from "./model-writer.ts";

const random = randomSource(4);
const codes = (count: number): Uint8Array =>
  Uint8Array.from({ length: count }, () => Math.floor(random() * 2) * 128 + 8 + random() * 100);

const scale = (...values: number[]) => ({ scale: values, zeroPoint: values.map(() => 0) });

/** float32 → QUANTIZE → FLOAT8 → CONV_2D → FULLY_CONNECTED on codes again. */
function network(type: "FLOAT8_E4M3FN" | "FLOAT8_E5M2"): ModelDescription {
  const tensors: TensorDescription[] = [
    { name: "x", shape: [1, 4, 4, 3], type: "FLOAT32" },
    { name: "codes", shape: [1, 4, 4, 3], type, quantization: scale(0.25) },
    {
      ...{ name: "w", shape: [5, 3, 3, 3], type, data: codes(135) },
      quantization: scale(0.5, 0.25, 1, 2, 0.125),
    },
    { name: "b", shape: [5], type: "FLOAT32", data: Float32Array.of(1, -1, 0.5, 2, 0) },
    { name: "y", shape: [1, 4, 4, 5], type: "FLOAT32" },
    { name: "cast", shape: [1, 4, 4, 5], type },
    { name: "v", shape: [7, 80], type, data: codes(560) },
    { name: "z", shape: [1, 7], type: "FLOAT32" },
  ];
  return {
    tensors,
    operators: [
      { type: "QUANTIZE", inputs: [0], outputs: [1] },
      {
        ...{ type: "CONV_2D", inputs: [1, 2, 3], outputs: [4] },
        options: [1, { 0: int8(0), 1: int32(1), 2: int32(1) }],
      },
      { type: "CAST", inputs: [4], outputs: [5] },
      { type: "FULLY_CONNECTED", inputs: [5, 6, -1], outputs: [7] },
    ],
    inputs: [0],
    outputs: [7],
  };
}

describe("a file with FLOAT8 tensors", () => {
  it.each([
    ["FLOAT8_E4M3FN", float8_e4m3fn],
    ["FLOAT8_E5M2", float8_e5m2],
  ] as const)(
    "of type %s runs on kernels, with the bits of the references",
    async (type, format) => {
      const file = writeModel(network(type));
      const graph = inferGraph(importModel(file));
      expect(graph.values[2]!.type.format).toBe(format);
      expect(graph.values[2]!.type.quantization!.scale).toHaveLength(5);
      const input = Float32Array.from({ length: 48 }, () => random() * 2 - 1);
      const model = await load(file, { threads: 1 });
      expect(kernelsOf(model.plan)).not.toContain("reference");
      expect(Object.values(await model.run(input))).toEqual(referenceOutputs(graph, [input]));
      await model.dispose();
    },
  );

  it("gives its codes as an output, and takes them as an input", async () => {
    const { tensors } = network("FLOAT8_E5M2");
    const file = writeModel({
      tensors: [tensors[1]!, { ...tensors[0]!, name: "real" }, { ...tensors[1]!, name: "again" }],
      operators: [
        { type: "DEQUANTIZE", inputs: [0], outputs: [1] },
        { type: "QUANTIZE", inputs: [1], outputs: [2] },
      ],
      inputs: [0],
      outputs: [1, 2],
    });
    const model = await load(file, { threads: 1 });
    const given = codes(48);
    const { real, again } = await model.run(given);
    expect(again).toEqual(given);
    expect(real![5]).toBe(float8_e5m2.decode(given[5]!) * 0.25);
    await model.dispose();
  });

  it("may leave out zero points, but have none other than 0", () => {
    const model = network("FLOAT8_E4M3FN");
    const withQuantization = (zeroPoint: readonly number[]) => () => {
      const tensors = model.tensors.with(1, {
        ...model.tensors[1]!,
        quantization: { scale: [0.25], zeroPoint },
      });
      return importModel(writeModel({ ...model, tensors }));
    };
    expect(withQuantization([])().values[1]!.type.quantization!.scale).toEqual(
      Float32Array.of(0.25),
    );
    expect(withQuantization([3])).toThrow(QuantizationError);
  });

  it("of a convolution whose result is FLOAT8 is refused with what was expected", () => {
    const model = network("FLOAT8_E4M3FN");
    const tensors = model.tensors.with(4, { ...model.tensors[4]!, type: "FLOAT8_E4M3FN" });
    expect(() => inferGraph(importModel(writeModel({ ...model, tensors })))).toThrow(ModelError);
  });
});
