/** Rows of the operators that compute values one by one, along axes, or as other formats. */
import { ModelError } from "../../errors.ts";
import * as op from "../../operators/index.ts";
import { type NodeReader, tensorTypeName } from "./node-reader.ts";
import * as o from "./options.ts";
import { type Fields, type NodeParts, NEEDS, type NamedRow, parts, plain, row } from "./row.ts";
import type { TensorRecord } from "./tensors.ts";

export const valueRows: readonly NamedRow[] = [
  ["ADD", row(2, o.addOptions, (n) => parts(n, op.add, { activation: n.activation() }))],
  ["SUB", row(2, o.subOptions, (n) => parts(n, op.sub, { activation: n.activation() }))],
  ["MUL", row(2, o.mulOptions, (n) => parts(n, op.mul, { activation: n.activation() }))],
  ["DIV", row(2, o.divOptions, (n) => parts(n, op.div, { activation: n.activation() }))],
  ["FLOOR_DIV", plain(2, op.floorDiv, o.floorDivOptions)],
  ["MAXIMUM", plain(2, op.maximum, o.maximumMinimumOptions)],
  ["MINIMUM", plain(2, op.minimum, o.maximumMinimumOptions)],
  ["SQRT", plain(1, op.sqrt)],
  ["MEAN", row(2, o.reducerOptions, (n) => parts(n, op.mean, reduction(n), [0]))],
  ["SUM", row(2, o.reducerOptions, (n) => parts(n, op.sum, reduction(n), [0]))],
  [
    "SOFTMAX",
    row(1, o.softmaxOptions, (n) => parts(n, op.softmax, { beta: n.float32("beta") }), NEEDS),
  ],
  ["LOGISTIC", plain(1, op.logistic)],
  ["TANH", plain(1, op.tanh)],
  ["HARD_SWISH", plain(1, op.hardSwish, o.hardSwishOptions)],
  ["RELU", plain(1, op.relu)],
  ["RELU6", plain(1, op.relu6)],
  ["RELU_N1_TO_1", plain(1, op.reluN1To1)],
  [
    "LEAKY_RELU",
    row(1, o.leakyReluOptions, (n) => parts(n, op.leakyRelu, { alpha: n.float32("alpha") }), NEEDS),
  ],
  ["PRELU", plain(2, op.prelu)],
  ["ELU", plain(1, op.elu)],
  ["GELU", row(1, o.geluOptions, (n) => parts(n, op.gelu, { approximate: n.bool("approximate") }))],
  ["QUANTIZE", row(1, o.quantizeOptions, (n) => encodes(n, true) ?? parts(n, op.quantize, {}))],
  [
    "DEQUANTIZE",
    row(1, o.dequantizeOptions, (n) => encodes(n, true) ?? parts(n, op.dequantize, {})),
  ],
  // The types of the tensors win over those of the options, as in TFLite.
  ["CAST", row(1, o.castOptions, (n) => encodes(n, false) ?? parts(n, op.cast, {}))],
  ["ARG_MAX", row(2, o.argMaxOptions, argMax, NEEDS)],
];

function reduction(n: Fields<typeof o.reducerOptions>) {
  return { axes: n.integers(1, "axes"), keepDims: n.bool("keep_dims") };
}

function argMax(n: Fields<typeof o.argMaxOptions>): NodeParts {
  const stated = tensorTypeName(n.code("output_type"));
  const declared = n.outputs[0]!.typeName;
  if (stated !== declared) {
    throw new ModelError(`output_type: expected ${declared} as the output, got ${stated}`);
  }
  return parts(n, op.argMax, { axis: n.integer(1, "axis") }, [0]);
}

/** Between FLOAT8 and float32; undefined: neither side is FLOAT8. */
function encodes(node: NodeReader<never>, saturates: boolean): NodeParts | undefined {
  const isFloat8 = (record: TensorRecord | undefined): boolean =>
    record !== undefined && record.value.type.format.name.startsWith("float8_");
  if (isFloat8(node.outputs[0])) return parts(node, op.encodeMinifloat, { saturates });
  return isFloat8(node.inputs[0]) ? parts(node, op.decodeMinifloat, {}) : undefined;
}
