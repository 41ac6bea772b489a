import { describe, expect, it } from "vitest";
import {
  BitlaneError,
  FormatError,
  InputError,
  ModelError,
  QuantizationError,
  ResourceError,
  ShapeError,
  UnsupportedError,
} from "../../src/errors.ts";
import type { Graph } from "../../src/graph/index.ts";
import { importModel } from "../../src/importers/index.ts";
import { bool, float32, int32, int32s, int8, table, uint32 } from "./flatbuffer-writer.ts";
import { type ModelDescription, type TensorDescription, writeModel } from "./model-writer.ts";

const affine = { scale: [0.5], zeroPoint: [3] };
const image: TensorDescription = {
  name: "x",
  shape: [1, 4, 4, 2],
  type: "INT8",
  quantization: affine,
};

/** RELU of an image: the smallest model that has everything. */
const relu: ModelDescription = {
  name: "main",
  tensors: [image, { ...image, name: "y" }],
  operators: [{ type: "RELU", inputs: [0], outputs: [1] }],
  inputs: [0],
  outputs: [1],
};

/** A model of one operator: `tensors` are its inputs in order, then one output. */
function oneOperator(
  type: string | number,
  inputs: readonly (TensorDescription | undefined)[],
  options?: NonNullable<ModelDescription["operators"][number]["options"]>,
  outputs: readonly TensorDescription[] = [{ ...image, name: "y" }],
): ModelDescription {
  const tensors: TensorDescription[] = [];
  const ids = inputs.map((tensor) => (tensor === undefined ? -1 : tensors.push(tensor) - 1));
  const results = outputs.map((tensor) => tensors.push(tensor) - 1);
  return {
    tensors,
    operators: [{ type, inputs: ids, outputs: results, ...(options && { options }) }],
    inputs: tensors.flatMap((tensor, id) =>
      tensor.data === undefined && !results.includes(id) ? [id] : [],
    ),
    outputs: results,
  };
}

function importOf(model: ModelDescription): Graph {
  return importModel(writeModel(model));
}

function errorOf(run: () => unknown): BitlaneError {
  try {
    run();
  } catch (error) {
    if (error instanceof BitlaneError) return error;
    throw error;
  }
  throw new Error("expected an error, got none");
}

const integers = (values: readonly number[], shape = [values.length]): TensorDescription => ({
  name: "parameter",
  shape,
  type: "INT32",
  data: Int32Array.from(values),
});

describe("a TFLite model", () => {
  it("becomes a graph whose value ids are the file's tensor indices", () => {
    const graph = importOf(relu);
    expect(graph.name).toBe("main");
    expect(graph.values.map(({ name }) => name)).toEqual(["x", "y"]);
    expect(graph.inputs).toEqual([0]);
    expect(graph.outputs).toEqual([1]);
    expect(graph.nodes).toHaveLength(1);
    expect(graph.nodes[0]).toMatchObject({ name: "y", inputs: [0], outputs: [1] });
    expect(graph.nodes[0]!.operator.name).toBe("Relu");
    expect(graph.values[0]!.type).toMatchObject({
      format: { name: "int8" },
      shape: [1, 4, 4, 2],
      quantization: { granularity: "perTensor" },
    });
  });

  it("is known by its first bytes", () => {
    expect(() => importModel(new Uint8Array(0))).toThrow(FormatError);
    expect(() => importModel(writeModel({ ...relu, identifier: "ONNX" }))).toThrow(FormatError);
  });

  it("has schema version 3", () => {
    expect(() => importOf({ ...relu, version: 7 })).toThrow(UnsupportedError);
  });

  it("gets its constants as views of the file, copied only when unaligned", () => {
    const model = oneOperator("PRELU", [
      image,
      { name: "alpha", shape: [2, 1], type: "INT32", data: Int32Array.of(-7, 9) },
    ]);
    const file = writeModel(model);
    const aligned = importModel(file).values[1]!.constant!;
    expect(aligned.data).toEqual(Int32Array.of(-7, 9));
    expect(aligned.data.buffer).toBe(file.buffer);
    const shifted = new Uint8Array(file.length + 1);
    shifted.set(file, 1);
    const copied = importModel(shifted.subarray(1)).values[1]!.constant!;
    expect(copied.data).toEqual(Int32Array.of(-7, 9));
  });

  it("is copied when its bytes are shared with other threads", () => {
    const file = writeModel(oneOperator("PRELU", [image, integers([1, 2])]));
    const shared = new Uint8Array(new SharedArrayBuffer(file.length));
    shared.set(file);
    const { constant } = importModel(shared).values[1]!;
    expect(constant!.data.buffer).toBeInstanceOf(ArrayBuffer);
    expect(constant!.data).toEqual(Int32Array.of(1, 2));
  });

  it("may keep its data behind the FlatBuffer, inside the file", () => {
    const model = oneOperator("PRELU", [image, integers([5, -6])]);
    expect(importOf({ ...model, dataOutside: true }).values[1]!.constant!.data).toEqual(
      Int32Array.of(5, -6),
    );
    const cut = writeModel({ ...model, dataOutside: true }).slice(0, -1);
    expect(() => importModel(cut)).toThrow(ModelError);
  });

  it("puts its operators in an order in which values are written before they are read", () => {
    const tensors = ["a", "b", "c", "d"].map((name) => ({ ...image, name }));
    const graph = importOf({
      tensors,
      operators: [
        { type: "RELU", inputs: [2], outputs: [3] },
        { type: "RELU", inputs: [1], outputs: [2] },
        { type: "RELU", inputs: [0], outputs: [1] },
      ],
      inputs: [0],
      outputs: [3],
    });
    expect(graph.nodes.map(({ name }) => name)).toEqual(["b", "c", "d"]);
  });

  it("survives a chain of operators that is longer than a stack", () => {
    const count = 20_000;
    const tensors = Array.from({ length: count + 1 }, () => ({ shape: [1] }));
    const operators = Array.from({ length: count }, (_, i) => ({
      type: "RELU",
      inputs: [count - 1 - i],
      outputs: [count - i],
    }));
    const graph = importOf({ tensors, operators, inputs: [0], outputs: [count] });
    expect(graph.nodes[0]!.inputs).toEqual([0]);
    expect(graph.nodes).toHaveLength(count);
  });

  it("may have unused tensors of any type, scalars, and outputs that are inputs or constants", () => {
    const graph = importOf({
      tensors: [
        { name: "scalar", shape: [] },
        { name: "unused", shape: [2], type: "STRING" },
        { name: "constant", shape: [2], type: "INT8", data: Int8Array.of(1, 2) },
      ],
      operators: [],
      inputs: [0],
      outputs: [0, 2],
    });
    expect(graph.outputs).toEqual([0, 2]);
    expect(graph.values[0]!.type.shape).toEqual([]);
  });

  it("keeps extents that the file leaves free", () => {
    const signature = [-1, 4, 4, 2];
    const graph = importOf({
      ...relu,
      tensors: [{ ...image, shapeSignature: signature }, image],
    });
    expect(graph.values[0]!.dynamicShape).toEqual(signature);
    expect(graph.values[0]!.type.shape).toEqual([1, 4, 4, 2]);
    expect(graph.values[1]!.dynamicShape).toBeUndefined();
    for (const wrong of [
      [-1, 4, 4],
      [-2, 4, 4, 2],
      [1, 5, 4, 2],
    ]) {
      const model = { ...relu, tensors: [{ ...image, shapeSignature: wrong }, image] };
      expect(() => importOf(model)).toThrow(ModelError);
    }
  });
});

describe("the names of a TFLite model", () => {
  it("are those of the signature", () => {
    const graph = importOf({
      ...relu,
      signature: { key: "serving_default", inputs: [["image", 0]], outputs: [["probs", 1]] },
    });
    expect(graph.inputNames).toEqual(["image"]);
    expect(graph.outputNames).toEqual(["probs"]);
    expect(graph.metadata.get("signature")).toBe("serving_default");
    expect(graph.values[0]!.name).toBe("x");
  });

  it("are those of the tensors without a signature, made different where they are empty or equal", () => {
    const graph = importOf({
      ...relu,
      tensors: [image, { ...image, name: "__proto__" }, { ...image, name: "" }],
      inputs: [0, 2],
      outputs: [1, 1],
    });
    expect(graph.inputNames).toEqual(["x", "tensor_2"]);
    expect(graph.outputNames).toEqual(["__proto__", "output_1"]);
  });

  it("must fit the subgraph", () => {
    const signature = { key: "s", inputs: [["a", 0]], outputs: [["b", 1]] } as const;
    for (const wrong of [
      { ...signature, subgraph: 1 },
      { ...signature, inputs: [["a", 9]] as const },
      {
        ...signature,
        outputs: [
          ["b", 1],
          ["b", 1],
        ] as const,
      },
    ]) {
      expect(() => importOf({ ...relu, signature: wrong })).toThrow(ModelError);
    }
  });

  it("come with description and metadata, as text where they are text", () => {
    const { metadata } = importOf({
      ...relu,
      description: "a model",
      metadata: {
        min_runtime_version: new TextEncoder().encode("1.14.0\0\0"),
        BLOB: Uint8Array.of(1, 2, 0xff),
      },
    });
    expect(Object.fromEntries(metadata)).toEqual({
      description: "a model",
      "metadata.min_runtime_version": "1.14.0",
      "metadata.BLOB": "(3 bytes)",
    });
  });
});

describe("tensors", () => {
  const typed = (tensor: Partial<TensorDescription>) => () =>
    importOf({ ...relu, tensors: [{ ...image, ...tensor }, image] });

  it.each([
    ["FLOAT32", "float32"],
    ["FLOAT16", "float16"],
    ["INT32", "int32"],
    ["UINT8", "uint8"],
    ["INT64", "int64"],
    ["BOOL", "bool"],
    ["INT16", "int16"],
    ["INT8", "int8"],
    ["INT4", "int4"],
    ["BFLOAT16", "bfloat16"],
    ["INT2", "int2"],
    ["UINT4", "uint4"],
    ["FLOAT8_E4M3FN", "float8_e4m3fn"],
    ["FLOAT8_E5M2", "float8_e5m2"],
  ])("of type %s have the format %s", (type, format) => {
    const tensor = { name: "x", shape: [1, 2], type };
    const graph = importOf({ ...relu, tensors: [tensor, image] });
    expect(graph.values[0]!.type.format.name).toBe(format);
  });

  it("packed below 8 bits have the bytes that their elements need", () => {
    const packed = (type: string, length: number) => () =>
      importOf(
        oneOperator("PRELU", [
          image,
          { shape: [3, 3], type, data: new Uint8Array(length).fill(1) },
        ]),
      );
    for (const [type, length] of [
      ["INT4", 5],
      ["UINT4", 5],
      ["INT2", 3],
    ] as const) {
      expect(packed(type, length)().values[1]!.constant!.data).toHaveLength(length);
      expect(packed(type, length - 1)).toThrow(ModelError);
      expect(packed(type, length + 1)).toThrow(ModelError);
    }
  });

  it.each([
    ["a type that no schema has", { type: 99 }, UnsupportedError],
    ["complex numbers", { type: "COMPLEX64" }, UnsupportedError],
    ["strings for an operator on numbers", { type: "STRING" }, ModelError],
    ["variables", { more: { 5: bool(true) } }, UnsupportedError],
    ["sparse data", { more: { 6: table({}) } }, UnsupportedError],
    ["data in another file", { more: { 10: uint32(1) } }, UnsupportedError],
    ["blockwise quantization", { quantization: { ...affine, detailsType: 2 } }, UnsupportedError],
    ["a negative extent", { shape: [1, -4] }, ShapeError],
    ["nine axes", { shape: [1, 1, 1, 1, 1, 1, 1, 1, 1] }, ResourceError],
    ["2^62 elements", { shape: [2 ** 30, 2 ** 30, 4] }, ResourceError],
    ["a buffer that is not there", { more: { 2: uint32(12345) } }, ModelError],
    ["data of zero elements", { shape: [0], data: Int8Array.of(1) }, ShapeError],
    ["no scale", { quantization: { scale: [], zeroPoint: [1] } }, QuantizationError],
    [
      "more scales than zero points",
      { quantization: { scale: [1, 2], zeroPoint: [0] } },
      QuantizationError,
    ],
    [
      "scales for an axis that is not there",
      { quantization: { scale: [1, 2], zeroPoint: [0, 0], axis: 9 } },
      QuantizationError,
    ],
    [
      "scales for a negative axis",
      { quantization: { scale: [1, 2], zeroPoint: [0, 0], axis: -1 } },
      QuantizationError,
    ],
    [
      "too few scales for their axis",
      { quantization: { scale: [1, 2], zeroPoint: [0, 0], axis: 1 } },
      QuantizationError,
    ],
    ["a zero point of 128", { quantization: { scale: [1], zeroPoint: [128] } }, QuantizationError],
    [
      "a zero point of 2^40",
      { quantization: { scale: [1], zeroPoint: [2n ** 40n] } },
      QuantizationError,
    ],
  ])("may not have %s", (_, tensor, expected) => {
    const error = errorOf(typed(tensor as Partial<TensorDescription>));
    expect(error).toBeInstanceOf(expected);
    expect(error.message).toContain(`"x"`);
  });

  it("have one scale, or one per channel", () => {
    const perChannel = { scale: [0.5, 0.25], zeroPoint: [1, 2], axis: 3 };
    const graph = importOf({
      ...relu,
      tensors: [{ ...image, quantization: perChannel }, image],
    });
    expect(graph.values[0]!.type.quantization).toEqual({
      granularity: "perChannel",
      scale: Float32Array.of(0.5, 0.25),
      zeroPoint: Int32Array.of(1, 2),
      axis: 3,
    });
  });

  it("of floats drop the scales that training left", () => {
    const graph = importOf({ ...relu, tensors: [{ ...image, type: "FLOAT32" }, image] });
    expect(graph.values[0]!.type.quantization).toBeUndefined();
  });
});

describe("the structure of a graph", () => {
  const [x, y] = [image, { ...image, name: "y" }];
  const broken: Record<string, ModelDescription> = {
    "an input index out of range": { ...relu, inputs: [2] },
    "a negative input index": { ...relu, inputs: [-1] },
    "an output index out of range": { ...relu, outputs: [2] },
    "an operator input below -1": {
      ...relu,
      operators: [{ type: "RELU", inputs: [-2], outputs: [1] }],
    },
    "a required input that is -1": {
      ...relu,
      operators: [{ type: "RELU", inputs: [-1], outputs: [1] }],
    },
    "an operator output of -1": {
      ...relu,
      operators: [{ type: "RELU", inputs: [0], outputs: [-1] }],
    },
    "no inputs of an operator": {
      ...relu,
      operators: [{ type: "RELU", inputs: [], outputs: [1] }],
    },
    "no outputs of an operator": {
      ...relu,
      operators: [{ type: "RELU", inputs: [0], outputs: [] }],
      outputs: [0],
    },
    "too many inputs": { ...relu, operators: [{ type: "RELU", inputs: [0, 0], outputs: [1] }] },
    "an operator that writes a graph input": {
      ...relu,
      operators: [{ type: "RELU", inputs: [0], outputs: [0] }],
      outputs: [0],
    },
    "an operator that writes a constant": {
      ...relu,
      tensors: [x, { ...y, data: new Int8Array(32) }],
    },
    "a graph input with data": { ...relu, tensors: [{ ...x, data: new Int8Array(32) }, y] },
    "a tensor that two operators write": {
      ...relu,
      operators: [
        { type: "RELU", inputs: [0], outputs: [1] },
        { type: "RELU6", inputs: [0], outputs: [1] },
      ],
    },
    "an input that nothing writes": { ...relu, inputs: [] },
    "an output that nothing writes": { ...relu, operators: [] },
    "a cycle of one": {
      ...relu,
      operators: [{ type: "ADD", inputs: [0, 1], outputs: [1] }],
    },
    "a cycle of two": {
      tensors: [x, y, { ...y, name: "z" }],
      operators: [
        { type: "ADD", inputs: [0, 2], outputs: [1] },
        { type: "RELU", inputs: [1], outputs: [2] },
      ],
      inputs: [0],
      outputs: [2],
    },
    "control flow that runs itself": {
      ...relu,
      operators: [
        { type: "WHILE", inputs: [0], outputs: [1], options: [93, { 0: int32(0), 1: int32(0) }] },
      ],
    },
    "control flow without its subgraph": {
      ...relu,
      operators: [
        { type: "IF", inputs: [0], outputs: [1], options: [92, { 0: int32(4), 1: int32(-3) }] },
      ],
    },
    "subgraphs that run each other": {
      ...relu,
      operators: [
        { type: "CALL_ONCE", inputs: [0], outputs: [1], options: [103, { 0: int32(1) }] },
      ],
      others: [
        {
          ...relu,
          operators: [{ type: "CALL_ONCE", inputs: [0], outputs: [1], options: [103, {}] }],
        },
      ],
    },
  };

  it.each(Object.entries(broken))("may not have %s", (_, model) => {
    expect(errorOf(() => importOf(model))).toBeInstanceOf(ModelError);
  });
});

describe("what bitlane lacks", () => {
  it("is listed at once, each with its node", () => {
    const error = errorOf(() =>
      importOf({
        tensors: [image, ...["a", "b", "c", "d"].map((name) => ({ ...image, name }))],
        operators: [
          { type: "CUSTOM:Mine", inputs: [0], outputs: [1] },
          { type: "SIN", inputs: [1], outputs: [2] },
          { type: "ADD", inputs: [0, 2], outputs: [3], options: [11, { 0: int8(4) }] },
          { type: 300, inputs: [3], outputs: [4] },
        ],
        inputs: [0],
        outputs: [4],
      }),
    );
    expect(error).toBeInstanceOf(UnsupportedError);
    expect((error as UnsupportedError).missing).toEqual([
      `node 0 "a" (CUSTOM "Mine")`,
      `node 1 "b" (SIN)`,
      `node 2 "c" (ADD): fused activation TANH`,
      `node 3 "d" (builtin operator 300)`,
    ]);
  });

  it("includes tensors of unknown types, once, constants of such types too", () => {
    const odd = { name: "odd", shape: [1], type: "FLOAT64", data: new Float64Array(1) };
    const error = errorOf(() =>
      importOf({
        tensors: [image, odd, { ...image, name: "y" }, { ...image, name: "z" }],
        operators: [
          { type: "ADD", inputs: [0, 1], outputs: [2], options: [11, {}] },
          { type: "ADD", inputs: [2, 1], outputs: [3], options: [11, {}] },
        ],
        inputs: [0],
        outputs: [3],
      }),
    );
    expect((error as UnsupportedError).missing).toEqual([
      `node 0 "y" (ADD): tensor 1 "odd": tensor type FLOAT64`,
    ]);
  });

  it("includes further subgraphs and what they hold", () => {
    const other = { ...relu, operators: [{ type: "COS", inputs: [0], outputs: [1] }] };
    const error = errorOf(() => importOf({ ...relu, others: [other] }));
    expect((error as UnsupportedError).missing).toEqual([
      "2 subgraphs, where one is supported",
      `subgraph 1, node 0 "y" (COS)`,
    ]);
  });

  it("includes parameters that are computed at run time", () => {
    const model = oneOperator("TRANSPOSE", [image, { name: "perm", shape: [4], type: "INT32" }]);
    expect((errorOf(() => importOf(model)) as UnsupportedError).missing).toEqual([
      `node 0 "y" (TRANSPOSE): the permutation that is computed at run time`,
    ]);
  });

  it("includes option fields that are newer than the importer, if they are set", () => {
    const softmax = (fields: Record<number, ReturnType<typeof float32>>) =>
      oneOperator("SOFTMAX", [image], [9, fields]);
    expect(() => importOf(softmax({ 0: float32(1) }))).not.toThrow();
    expect(() => importOf(softmax({ 0: float32(1), 3: float32(1) }))).toThrow(UnsupportedError);
  });

  it("is a message that stays readable", () => {
    const operators = Array.from({ length: 50 }, (_, i) => ({
      type: "CUSTOM:" + "x".repeat(500),
      inputs: [i],
      outputs: [i + 1],
    }));
    const tensors = Array.from({ length: 51 }, () => image);
    const error = errorOf(() => importOf({ tensors, operators, inputs: [0], outputs: [50] }));
    expect((error as UnsupportedError).missing).toHaveLength(50);
    expect(error.message.length).toBeLessThan(4000);
  });
});

describe("limits", () => {
  it.each([
    ["fileBytes", 100],
    ["elements", 31],
    ["rank", 3],
    ["tables", 5],
    ["depth", 2],
    ["tensors", 1],
    ["operators", 0],
    ["subgraphs", 0],
    ["vectorEntries", 7],
    ["allNameBytes", 1],
  ])("%s of %i is kept", (name, bound) => {
    const error = errorOf(() => importModel(writeModel(relu), { limits: { [name]: bound } }));
    expect(error).toBeInstanceOf(ResourceError);
    expect(error).toMatchObject({ limit: name, allowed: bound });
  });

  it("have names and are numbers", () => {
    const file = writeModel(relu);
    expect(() => importModel(file, { limits: { rank: NaN } })).toThrow(InputError);
    expect(() => importModel(file, { limits: { ranks: 3 } as never })).toThrow(InputError);
    expect(() => importModel(file, { limits: { rank: undefined as never } })).not.toThrow();
  });
});

describe("the options of operators", () => {
  const quantized = { scale: [0.5], zeroPoint: [0] };
  const filter: TensorDescription = {
    shape: [3, 1, 1, 2],
    type: "INT8",
    data: new Int8Array(6),
    quantization: quantized,
  };
  const attributesOf = (model: ModelDescription) => {
    const { nodes } = importOf(model);
    return { ...(nodes[0]!.attributes as object), operator: nodes[0]!.operator.name };
  };
  const window = { 0: int8(1), 1: int32(2), 2: int32(3) };

  it("become attributes", () => {
    const conv = oneOperator(
      "CONV_2D",
      [image, filter, undefined],
      [1, { ...window, 3: int8(3), 4: int32(4), 5: int32(5) }],
    );
    expect(attributesOf(conv)).toEqual({
      operator: "Conv2D",
      padding: "valid",
      strides: [3, 2],
      dilations: [5, 4],
      activation: "relu6",
    });
    const pool = oneOperator(
      "MAX_POOL_2D",
      [image],
      [5, { ...window, 0: int8(0), 3: int32(6), 4: int32(7), 5: int8(1) }],
    );
    expect(attributesOf(pool)).toEqual({
      operator: "MaxPool2D",
      padding: "same",
      strides: [3, 2],
      filter: [7, 6],
      activation: "relu",
    });
  });

  it("have the schema's defaults where a field is absent", () => {
    const conv = oneOperator("CONV_2D", [image, filter], [1, { 1: int32(1), 2: int32(1) }]);
    expect(attributesOf(conv)).toMatchObject({
      padding: "same",
      dilations: [1, 1],
      activation: "none",
    });
  });

  it("come from constant inputs too, which then are no inputs of the node", () => {
    const pads = integers([0, 0, 1, 2, 3, 4, 0, 0], [4, 2]);
    const graph = importOf(oneOperator("PAD", [image, pads]));
    expect(graph.nodes[0]!.inputs).toEqual([0]);
    expect(graph.nodes[0]!.attributes).toEqual({
      paddings: [
        [0, 0],
        [1, 2],
        [3, 4],
        [0, 0],
      ],
    });
    const wide = {
      shape: [4],
      type: "INT64",
      data: BigInt64Array.of(0n, 2n, 1n, 3n),
    };
    expect(attributesOf(oneOperator("TRANSPOSE", [image, wide]))).toMatchObject({
      permutation: [0, 2, 1, 3],
    });
  });

  it("of TRANSPOSE_CONV stand in front of the image in the file", () => {
    const model = oneOperator(
      "TRANSPOSE_CONV",
      [integers([1, 8, 8, 3]), filter, image],
      [49, { 1: int32(2), 2: int32(2) }],
    );
    const graph = importOf(model);
    expect(graph.nodes[0]!.inputs).toEqual([2, 1]);
    expect(graph.nodes[0]!.attributes).toMatchObject({ outputShape: [1, 8, 8, 3] });
  });

  it("of SPLIT begin with the axis, and its parts are its outputs", () => {
    const outputs = [image, image];
    const split = (parts: number) =>
      oneOperator("SPLIT", [integers([3], []), image], [35, { 0: int32(parts) }], outputs);
    const graph = importOf(split(2));
    expect(graph.nodes[0]!.inputs).toEqual([1]);
    expect(graph.nodes[0]!.attributes).toEqual({ axis: 3, parts: 2 });
    expect(() => importOf(split(3))).toThrow(ModelError);
  });

  it("of RESHAPE are an input, or an option in older files", () => {
    expect(attributesOf(oneOperator("RESHAPE", [image, integers([4, -1])]))).toMatchObject({
      shape: [4, -1],
    });
    const older = (shape: number[]) => oneOperator("RESHAPE", [image], [17, { 0: int32s(shape) }]);
    expect(attributesOf(older([8, 4]))).toMatchObject({ shape: [8, 4] });
    expect(attributesOf(older([0]))).toMatchObject({ shape: [] });
    expect(() => importOf(oneOperator("RESHAPE", [image]))).toThrow(ModelError);
  });

  const stride = { 1: int32(1), 2: int32(1) };
  const wrong: Record<string, ModelDescription> = {
    "an unknown padding": oneOperator("CONV_2D", [image, filter], [1, { ...stride, 0: int8(99) }]),
    "an unknown activation": oneOperator(
      "CONV_2D",
      [image, filter],
      [1, { ...stride, 3: int8(99) }],
    ),
    "a negative activation": oneOperator("ADD", [image, image], [11, { 0: int8(-1) }]),
    "the options of another operator": oneOperator("CONV_2D", [image, filter], [5, stride]),
    "no options where zeros would be wrong": oneOperator("CONV_2D", [image, filter]),
    "options where there are none": oneOperator("RELU", [image], [11, {}]),
    "a NaN": oneOperator("SOFTMAX", [image], [9, { 0: float32(NaN) }]),
    "an infinity": oneOperator("LEAKY_RELU", [image], [75, { 0: float32(Infinity) }]),
    "parameters that are no integers": oneOperator("TRANSPOSE", [
      image,
      { shape: [4], data: Float32Array.of(0, 1, 2, 3) },
    ]),
    "parameters past 2^53": oneOperator("TRANSPOSE", [
      image,
      { shape: [1], type: "INT64", data: BigInt64Array.of(2n ** 60n) },
    ]),
    "an output type that is not the output's": oneOperator(
      "ARG_MAX",
      [image, integers([3], [])],
      [40, { 0: int8(4) }],
      [{ shape: [1, 4, 4], type: "INT32" }],
    ),
  };

  it.each(Object.entries(wrong))("may not hold %s", (_, model) => {
    expect(errorOf(() => importOf(model))).toBeInstanceOf(ModelError);
  });

  it("name the node and the operator in an error", () => {
    const error = errorOf(() => importOf(wrong["a NaN"]!));
    expect(error.message).toMatch(/^node 0 "y" \(SOFTMAX\): beta: expected a finite number/);
    expect(error.where).toMatchObject({ format: "tflite", operatorIndex: 0, operator: "SOFTMAX" });
  });

  it("of lists have a bounded length and their rank", () => {
    const long = integers(new Array<number>(65).fill(0));
    expect(() => importOf(oneOperator("TRANSPOSE", [image, long]))).toThrow(ShapeError);
    expect(() => importOf(oneOperator("PAD", [image, integers([0, 0, 0, 0])]))).toThrow(ShapeError);
  });
});

describe("operator codes", () => {
  const typeOf = (deprecatedCode: number, code: number): string =>
    importOf({
      ...relu,
      operators: [{ type: [deprecatedCode, code], inputs: [0], outputs: [1] }],
    }).nodes[0]!.operator.name;

  it("are the byte of old files, the wide field of new ones, or both", () => {
    expect(typeOf(19, 0)).toBe("Relu");
    expect(typeOf(19, 19)).toBe("Relu");
    expect(typeOf(127, 150)).toBe("Gelu");
  });

  it("that are negative are no operator", () => {
    expect(() => typeOf(-5, -5)).toThrow(UnsupportedError);
  });

  it("must be in the list of the model", () => {
    const model = { ...relu, operators: [{ ...relu.operators[0]!, more: { 0: uint32(77) } }] };
    expect(() => importOf(model)).toThrow(ModelError);
  });
});
