/**
 * A network made ready on disk: every file form there is of it, the input that all runtimes get, and
 * TFLite's own answer where it is known.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { interpret } from "../../../src/graph/index.ts";
import { importModel } from "../../../src/importers/index.ts";
import { readGraph } from "../../../src/model/index.ts";
import { floatOnnx } from "../float/onnx.ts";
import { floatTflite } from "../float/tflite.ts";
import type { NetworkFiles } from "../networks.ts";
import type { Form, Input, Scheme } from "../rival.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const shared = join(root, "../shared");

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
  /** The answer of the re-quantized network, by plain TypeScript: seconds for a large one. */
  reference(scheme: Scheme): Promise<readonly number[]>;
}

/**
 * @param workFolder where what is generated is written
 * @throws Error for a missing TFLite file
 */
export function prepareNetwork(network: NetworkFiles, workFolder: string): Network {
  const { name, knownDifference } = network;
  const tflite = findFile(network.tflite);
  if (tflite === undefined) throw new Error(`network ${name}: ${network.tflite} does not exist`);
  const onnx = network.onnx === undefined ? undefined : findFile(network.onnx);
  const graph = importModel(readBytes(tflite));
  const { format, shape, quantization } = graph.values[graph.inputs[0]!]!.type;
  const input = {
    dtype: format.name as Input["dtype"],
    shape,
    scale: quantization?.scale[0] ?? 1,
    zeroPoint: quantization?.zeroPoint[0] ?? 0,
  };
  const output = graph.values[graph.outputs[0]!]!.type;
  const golden = findGolden(network.tflite, output.format.name);
  const inputFile = golden?.inputFile ?? writeNoise(input, join(workFolder, `${name}.input`));
  const prepared: Network = {
    name,
    files: { tflite, ...(onnx === undefined ? {} : { onnx }) },
    input,
    inputFile,
    output: {
      quantization: output.quantization && {
        scale: output.quantization.scale[0]!,
        zeroPoint: output.quantization.zeroPoint[0]!,
      },
      min: output.format.min,
      max: output.format.max,
    },
    knownDifference,
    expected: golden?.output,
    reference: referenceOf(tflite, input.dtype, inputFile),
  };
  return network.inFloat === true ? inFloat(prepared, workFolder) : prepared;
}

/** The same network, input and all, in float32. TFLite's answer is another then. */
function inFloat(network: Network, workFolder: string): Network {
  const { name, files, input, inputFile, output } = network;
  const write = (extension: string, bytes: Uint8Array): string => {
    const file = join(workFolder, `${name}.${extension}`);
    writeFileSync(file, bytes);
    return file;
  };
  const { tflite, onnx } = files;
  const codes = elements(input.dtype, readBytes(inputFile));
  const reals = Float32Array.from(codes, (code) => (code - input.zeroPoint) * input.scale);
  const floatFile = write("tflite", floatTflite(readBytes(tflite!)));
  const floatInput = write("input", new Uint8Array(reals.buffer));
  return {
    ...network,
    files: {
      ...files,
      tflite: floatFile,
      ...(onnx?.endsWith(".qdq.onnx") ? { onnx: write("onnx", floatOnnx(readBytes(onnx))) } : {}),
    },
    input: { dtype: "float32", shape: input.shape, scale: 1, zeroPoint: 0 },
    inputFile: floatInput,
    output: { ...output, quantization: undefined },
    expected: undefined,
    reference: referenceOf(floatFile, "float32", floatInput),
  };
}

/** Each scheme is computed once, for all hosts. */
function referenceOf(file: string, dtype: Input["dtype"], inputFile: string): Network["reference"] {
  const answers = new Map<string, Promise<readonly number[]>>();
  const compute = async (scheme: Scheme): Promise<readonly number[]> => {
    const graph = await readGraph(file, scheme);
    const values = interpret(graph, [elements(dtype, readBytes(inputFile))], "fp32");
    return Array.from(values.get(graph.outputs[0]!)!.data as ArrayLike<number>, Number);
  };
  return (scheme) => {
    const name = `${scheme.weights}/${scheme.activations}`;
    const answer = answers.get(name) ?? compute(scheme);
    answers.set(name, answer);
    return answer;
  };
}

/** A file of ../shared/models or of the repository, undefined where it is in neither. */
export function findFile(path: string): string | undefined {
  return [join(root, "models", path), join(shared, "models", path)].find(existsSync);
}

function readBytes(file: string): Uint8Array {
  return new Uint8Array(readFileSync(file));
}

function elements(format: string, { buffer }: Uint8Array): Input["data"] {
  if (format === "float32") return new Float32Array(buffer);
  return format === "int8" ? new Int8Array(buffer) : new Uint8Array(buffer);
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
  const output = elements(outputFormat, readBytes(join(folder, first.outputs[0]!.xnnpack)));
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
