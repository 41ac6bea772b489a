/** A small int8 network that needs no file: for tests in a clone that has nothing beside it. */
import { bool, float32, int32, int8 } from "./flatbuffer-writer.ts";
import { type TensorDescription, writeModel } from "./model-writer.ts";
import { createRandom } from "./mutations.ts";

const random = createRandom(1);

function activation(name: string, shape: readonly number[], scale = 0.05): TensorDescription {
  return { name, shape, type: "INT8", quantization: { scale: [scale], zeroPoint: [3] } };
}

function weights(name: string, shape: readonly number[], axis: number): TensorDescription {
  const count = shape.reduce((a, b) => a * b, 1);
  const channels = shape[axis]!;
  return {
    name,
    shape,
    type: "INT8",
    data: Int8Array.from({ length: count }, () => random(255) - 127),
    quantization: {
      scale: Array.from({ length: channels }, (_, i) => 0.002 + 0.0001 * i),
      zeroPoint: new Array<number>(channels).fill(0),
      axis,
    },
  };
}

function bias(name: string, channels: number): TensorDescription {
  return {
    name,
    shape: [channels],
    type: "INT32",
    data: Int32Array.from({ length: channels }, () => random(2000) - 1000),
    quantization: { scale: [0.0001], zeroPoint: [0] },
  };
}

function integers(name: string, values: readonly number[], shape = [values.length]) {
  return { name, shape, type: "INT32", data: Int32Array.from(values) };
}

/** Pad, Conv2D, DepthwiseConv2D, Add, MaxPool2D, Reshape, FullyConnected, Softmax. */
export const sampleNetwork: Uint8Array = writeModel({
  name: "main",
  description: "sample",
  tensors: [
    activation("image", [1, 6, 6, 3]),
    integers("paddings", [0, 0, 1, 1, 1, 1, 0, 0], [4, 2]),
    activation("padded", [1, 8, 8, 3]),
    weights("filters", [8, 3, 3, 3], 0),
    bias("bias", 8),
    activation("features", [1, 6, 6, 8]),
    weights("depthwise filters", [1, 3, 3, 8], 3),
    bias("depthwise bias", 8),
    activation("depthwise", [1, 6, 6, 8]),
    activation("sum", [1, 6, 6, 8], 0.08),
    activation("pooled", [1, 3, 3, 8], 0.08),
    integers("shape", [1, 72]),
    activation("flat", [1, 72], 0.08),
    weights("matrix", [5, 72], 0),
    bias("dense bias", 5),
    activation("logits", [1, 5], 0.2),
    {
      name: "probabilities",
      shape: [1, 5],
      type: "INT8",
      quantization: { scale: [1 / 256], zeroPoint: [-128] },
    },
  ],
  operators: [
    { type: "PAD", inputs: [0, 1], outputs: [2], options: [22, {}] },
    {
      type: "CONV_2D",
      inputs: [2, 3, 4],
      outputs: [5],
      options: [1, { 0: int8(1), 1: int32(1), 2: int32(1), 3: int8(1) }],
    },
    {
      type: "DEPTHWISE_CONV_2D",
      inputs: [5, 6, 7],
      outputs: [8],
      options: [2, { 0: int8(0), 1: int32(1), 2: int32(1), 3: int32(1), 4: int8(3) }],
    },
    { type: "ADD", inputs: [5, 8], outputs: [9], options: [11, { 0: int8(0) }] },
    {
      type: "MAX_POOL_2D",
      inputs: [9],
      outputs: [10],
      options: [5, { 0: int8(1), 1: int32(2), 2: int32(2), 3: int32(2), 4: int32(2) }],
    },
    { type: "RESHAPE", inputs: [10, 11], outputs: [12] },
    {
      type: "FULLY_CONNECTED",
      inputs: [12, 13, 14],
      outputs: [15],
      options: [8, { 0: int8(0), 2: bool(false) }],
    },
    { type: "SOFTMAX", inputs: [15], outputs: [16], options: [9, { 0: float32(1) }] },
  ],
  inputs: [0],
  outputs: [16],
  signature: { key: "serving_default", inputs: [["image", 0]], outputs: [["probabilities", 16]] },
});
