/** The networks that rivals are compared on. A row is all that a network takes. */
import type { Form } from "./rival.ts";

export interface NetworkFiles {
  readonly name: string;
  /** Below the models folder of the repository or of the shared data. */
  readonly tflite: string;
  /** Absent, or of a file that does not exist: runtimes that read ONNX have an empty row. */
  readonly onnx?: string;
  /** The float32 network is measured that the files stand for, as far as they are quantized. */
  readonly inFloat?: boolean;
  /** Why a form's answer is not the TFLite file's. */
  readonly knownDifference?: Partial<Record<Form, string>>;
}

const speed = (name: string, file: string): NetworkFiles => ({
  name,
  tflite: `speed/${file}.tflite`,
  onnx: `speed/${file}.qdq.onnx`,
});

const tiny = (name: string): NetworkFiles => ({
  name,
  tflite: `mlperf-tiny/${name}_int8.tflite`,
  onnx: `mlperf-tiny/${name}_int8.qdq.onnx`,
});

const NETWORKS: readonly NetworkFiles[] = [
  {
    name: "mobilenet_v2",
    tflite: "imagenet/mobilenet_v2_int8_perchannel.tflite",
    onnx: "imagenet/mobilenet_v2_int8_perchannel.qdq.onnx",
  },
  speed("mobilenet_v1", "mobilenet_v1_int8"),
  speed("resnet50", "resnet50_int8"),
  {
    ...speed("squeezenet_1.1", "squeezenet_1.1_int8"),
    knownDifference: { onnx: "the Softmax of the ONNX file runs over an axis of extent 1" },
  },
  speed("efficientnet_b0", "efficientnet_b0_int8"),
  speed("mobilenet_v3_small", "mobilenet_v3_small_int8"),
  tiny("kws"),
  tiny("resnet8"),
  tiny("vww"),
  tiny("ad01"),
  { ...speed("mobilenet_v1_float", "mobilenet_v1_int8"), inFloat: true },
  { ...speed("resnet50_float", "resnet50_int8"), inFloat: true },
  {
    name: "mobilenet_v2_float",
    tflite: "imagenet/mobilenet_v2_int8_perchannel.tflite",
    onnx: "imagenet/mobilenet_v2_float.onnx",
    inFloat: true,
  },
  {
    name: "resnet8_float",
    tflite: "mlperf-tiny/resnet8_float.tflite",
    onnx: "mlperf-tiny/resnet8_float.onnx",
  },
  { name: "squeezenet_1.0_float", tflite: "imagenet/squeezenet_1.0_227_float.tflite" },
  { name: "digits", tflite: "digits_int8.tflite" },
];

/** In the repository, so that it is there on every machine. */
export const BRIEF_NETWORK = "digits";

export const DEFAULT_NETWORKS: readonly string[] = NETWORKS.map(({ name }) => name).filter(
  (name) => name !== BRIEF_NETWORK,
);

const isFloat = (name: string): boolean => name.endsWith("_float");
const SETS: Readonly<Record<string, readonly string[]>> = {
  int8: DEFAULT_NETWORKS.filter((name) => !isFloat(name)),
  float: DEFAULT_NETWORKS.filter(isFloat),
};

/**
 * The names in a list with commas; `int8` and `float` stand for all of a kind.
 * @throws RangeError for a name that is not in the list
 */
export function readNetworkNames(list: string): string[] {
  return list.split(",").flatMap((name) => SETS[name] ?? [findNetwork(name).name]);
}

/** @throws RangeError for a name that is not in the list */
export function findNetwork(name: string): NetworkFiles {
  const network = NETWORKS.find((candidate) => candidate.name === name);
  if (network === undefined) {
    const names = [...Object.keys(SETS), ...NETWORKS.map((known) => known.name)].join(", ");
    throw new RangeError(`network: expected one of ${names}, got "${name}"`);
  }
  return network;
}
