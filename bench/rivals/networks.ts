/**
 * The networks that rivals are compared on, with every file form there is of each, the input that all
 * of them get, and TFLite's own answer where it is known.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { importModel } from "../../src/importers/index.ts";
import type { Form, Input } from "./rival.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const shared = join(root, "../shared");

interface NetworkFiles {
  readonly name: string;
  /** Below the models folder of the repository or of the shared data. */
  readonly tflite: string;
  readonly onnx?: string;
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

/** A file that does not exist is a form that is not available: its column stays empty. */
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
  {
    name: "resnet8_float",
    tflite: "mlperf-tiny/resnet8_float.tflite",
    onnx: "mlperf-tiny/resnet8_float.onnx",
  },
  { name: "squeezenet_1.0_float", tflite: "imagenet/squeezenet_1.0_227_float.tflite" },
  { name: "digits", tflite: "digits_int8.tflite" },
];

/** Networks of the default run: all that TFLite files of full size or a rival's form exist for. */
export const DEFAULT_NETWORKS = NETWORKS.map(({ name }) => name).filter(
  (name) => name !== "digits",
);
/** In the repository, so that it is there on every machine. */
export const BRIEF_NETWORK = "digits";

/** The network's files and its input on disk, ready for a host. */
export interface Network {
  readonly name: string;
  readonly files: Partial<Record<Form, string>>;
  readonly input: Omit<Input, "data">;
  readonly inputFile: string;
  readonly output: {
    /** real = (code − zeroPoint) · scale; absent for a float output. */
    readonly quantization: { readonly scale: number; readonly zeroPoint: number } | undefined;
    /** Range of the codes. */
    readonly min: number;
    readonly max: number;
  };
  readonly knownDifference: NetworkFiles["knownDifference"];
  /** What native TFLite answers (XNNPACK), in codes or reals as the file has it. */
  readonly expected: readonly number[] | undefined;
}

/**
 * @param workFolder where a generated input is written
 * @throws Error for an unknown name or a missing TFLite file
 */
export function findNetwork(name: string, workFolder: string): Network {
  const files = NETWORKS.find((network) => network.name === name);
  if (files === undefined) {
    throw new Error(`network: expected one of ${NETWORKS.map((n) => n.name)}, got "${name}"`);
  }
  const tflite = findFile(files.tflite);
  if (tflite === undefined) throw new Error(`network ${name}: ${files.tflite} does not exist`);
  const onnx = files.onnx === undefined ? undefined : findFile(files.onnx);
  const graph = importModel(new Uint8Array(readFileSync(tflite)));
  const inputType = graph.values[graph.inputs[0]!]!.type;
  const outputType = graph.values[graph.outputs[0]!]!.type;
  const { format, shape, quantization } = inputType;
  const input = {
    dtype: format.name as Input["dtype"],
    shape,
    scale: quantization?.scale[0] ?? 1,
    zeroPoint: quantization?.zeroPoint[0] ?? 0,
  };
  const golden = findGolden(files.tflite, outputType.format.name);
  return {
    name,
    files: { tflite, ...(onnx === undefined ? {} : { onnx }) },
    input,
    inputFile: golden?.inputFile ?? writeNoise(input, join(workFolder, `${name}.input`)),
    output: {
      quantization: outputType.quantization && {
        scale: outputType.quantization.scale[0]!,
        zeroPoint: outputType.quantization.zeroPoint[0]!,
      },
      min: outputType.format.min,
      max: outputType.format.max,
    },
    knownDifference: files.knownDifference,
    expected: golden?.output,
  };
}

function findFile(path: string): string | undefined {
  return [join(root, "models", path), join(shared, "models", path)].find(existsSync);
}

interface GoldenEntry {
  readonly model: string;
  readonly cases: readonly {
    readonly input: { readonly file: string };
    readonly outputs: readonly { readonly xnnpack: string }[];
  }[];
}

function findGolden(
  model: string,
  outputFormat: string,
): { inputFile: string; output: number[] } | undefined {
  const folder = join(shared, "golden/models");
  if (!existsSync(join(folder, "index.json"))) return undefined;
  const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8")) as GoldenEntry[];
  const first = index.find((entry) => entry.model === model)?.cases[0];
  if (first === undefined) return undefined;
  const { buffer } = new Uint8Array(readFileSync(join(folder, first.outputs[0]!.xnnpack)));
  const output =
    outputFormat === "float32"
      ? new Float32Array(buffer)
      : outputFormat === "int8"
        ? new Int8Array(buffer)
        : new Uint8Array(buffer);
  return { inputFile: join(folder, first.input.file), output: Array.from(output) };
}

/** Seeded codes over the whole range, or reals in [0, 1). */
function writeNoise({ dtype, shape }: Omit<Input, "data">, file: string): string {
  const count = shape.reduce((product, extent) => product * extent, 1);
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const data =
    dtype === "float32"
      ? Float32Array.from({ length: count }, next)
      : Uint8Array.from({ length: count }, () => next() * 256);
  writeFileSync(file, new Uint8Array(data.buffer));
  return file;
}
