/**
 * The shared test body of all kernels: a one-node graph through plan, memory and threads of a chosen
 * build, to be compared with the operator's `reference()`.
 */
import { readFileSync } from "node:fs";
import { type Mode, wasmFile } from "../../scripts/wasm.ts";
import {
  createNode,
  type Graph,
  inferGraph,
  interpret,
  type Value,
} from "../../src/graph/index.ts";
import type { Operator } from "../../src/operators/index.ts";
import { ARENA_ALIGNMENT, createPlan, loadLowerings, type Plan } from "../../src/plan/index.ts";
import type { Rounding } from "../../src/quantization/index.ts";
import { bindPlan, Runner } from "../../src/schedule/index.ts";
import { isMaddFused, relaxedDotClass, withSharedMemory } from "../../src/wasm/index.ts";
import {
  allocateTensor,
  type Tensor,
  type TensorData,
  type TensorType,
  typeBytes,
  viewData,
} from "../../src/tensor/index.ts";
import { noteKernels } from "./noted-kernels.ts";

/** A target of asconfig.json. Workers make it share its memory. */
export type TestBuild = "release-plain" | "debug-plain" | "release-relaxed" | "debug-relaxed";
export const testBuilds: readonly TestBuild[] = [
  "release-plain",
  "debug-plain",
  "release-relaxed",
  "debug-relaxed",
];

export interface RunOptions {
  readonly build?: TestBuild;
  readonly rounding?: Rounding;
  /** False: float32 products may be rounded as the machine does. */
  readonly deterministic?: boolean;
  /** Kernel that must be taken. */
  readonly forced?: string;
  /** Worker threads beside the caller; 0: none. */
  readonly workers?: number;
  /** False: no test of kernels in the sense of coverage.test.ts. */
  readonly isNoted?: boolean;
  /** False: buffers that are reused may lie behind an output. */
  readonly isAlone?: boolean;
}

const compiled = new Map<string, WebAssembly.Module>();

/** The modules of a plan as a mode has compiled them. */
export function loadBuilt({ modules }: Plan, mode: Mode, shared = false): WebAssembly.Module[] {
  return modules.map((name) => {
    const file = wasmFile(mode, name);
    const key = `${file} ${shared}`;
    let module = compiled.get(key);
    if (module === undefined) {
      const bytes = new Uint8Array(readFileSync(file));
      module = new WebAssembly.Module(shared ? withSharedMemory(bytes) : bytes);
      compiled.set(key, module);
    }
    return module;
  });
}

/** A graph of one node. Inputs with data in `constants[i]` are constants, the others graph inputs. */
export function nodeGraph<A>(
  operator: Operator<A>,
  attributes: A,
  inputs: readonly (TensorType | Tensor | undefined)[],
  outputs: readonly TensorType[],
): Graph {
  const values: Value[] = [];
  const ids = inputs.map((input, i) => {
    if (input === undefined) return -1;
    const name = `input${i}`;
    return (
      values.push(
        "data" in input ? { name, type: input.type, constant: input } : { name, type: input },
      ) - 1
    );
  });
  const results = outputs.map((type, i) => values.push({ name: `output${i}`, type }) - 1);
  return inferGraph({
    name: operator.name,
    values,
    nodes: [createNode(operator.name, operator, attributes, ids, results)],
    inputs: ids.filter((id) => id >= 0 && values[id]!.constant === undefined),
    outputs: results,
    metadata: new Map(),
  });
}

export interface GraphRun {
  readonly plan: Plan;
  /** Elements of each graph output. */
  readonly outputs: readonly TensorData[];
}

/** Bytes behind each output that must survive: a kernel never writes past its output. */
const CANARY = 0xa5;

/** Runs a graph on its kernels. Throws if a byte between an output and the next buffer was written. */
export async function runGraph(
  graph: Graph,
  inputs: readonly TensorData[],
  {
    build = "release-plain",
    rounding = "fp32",
    deterministic = true,
    forced,
    workers = 0,
    isNoted = true,
    isAlone = true,
  }: RunOptions = {},
): Promise<GraphRun> {
  const isa = build.endsWith("relaxed") ? "relaxed" : "simd128";
  const plan = createPlan(graph, {
    lowerings: await loadLowerings(graph),
    rounding,
    deterministic,
    machine: isa === "relaxed" ? { isa, dot: relaxedDotClass(), isFused: isMaddFused() } : { isa },
    ...(forced === undefined ? {} : { forced }),
  });
  const mode = build.startsWith("debug") ? "debug" : "release";
  const modules = loadBuilt(plan, mode, workers > 0);
  const binding = bindPlan(plan, modules, { workers, lanes: 1, maxMemoryBytes: 2 ** 30 });
  const { memory } = binding.program;
  const locate = (id: number): TensorData => {
    const address = binding.address(plan.places.get(id)!, 0);
    return viewData(graph.values[id]!.type, memory.buffer, address);
  };
  const tensor = (id: number): Tensor =>
    graph.values[id]!.constant ?? { type: graph.values[id]!.type, data: locate(id) };
  const runReference = (index: number): void => {
    const node = graph.nodes[index]!;
    const results = node.operator.reference(
      node.inputs.map((id) => (id < 0 ? undefined : tensor(id))),
      node.attributes as never,
      { rounding, outputs: node.outputs.map((id) => graph.values[id]!.type) },
    );
    node.outputs.forEach((id, i) => copyBytes(results[i]!.data, locate(id)));
  };
  const runner = await Runner.start(binding, runReference, { minPoolMacs: 0 });
  try {
    new Uint8Array(memory.buffer).fill(
      CANARY,
      binding.layout.arenaAddresses[0]!,
      binding.layout.arenaAddresses[0]! + plan.arenaBytes,
    );
    graph.inputs.forEach((id, i) => copyBytes(inputs[i]!, locate(id)));
    await runner.run();
    if (isNoted) noteKernels(kernelsOf(plan));
    if (isAlone) for (const id of graph.outputs) checkCanary(locate(id));
    return {
      plan,
      outputs: graph.outputs.map((id) => cloneData(graph.values[id]!.type, locate(id))),
    };
  } finally {
    await runner.terminate();
  }
}

/** The oracle's answer to the same question. */
export function referenceOutputs(
  graph: Graph,
  inputs: readonly TensorData[],
  rounding: Rounding = "fp32",
): readonly TensorData[] {
  const tensors = interpret(graph, inputs, rounding);
  return graph.outputs.map((id) => tensors.get(id)!.data);
}

/** Names of the kernels that a plan uses, in order; "reference" where it uses none. */
export function kernelsOf(plan: Plan): string[] {
  return plan.steps.map((step) => (step.kind === "kernel" ? step.kernel : "reference"));
}

function copyBytes(from: TensorData, to: TensorData): void {
  asBytes(to).set(asBytes(from));
}

function checkCanary(data: TensorData): void {
  const end = data.byteOffset + data.byteLength;
  const gap = Math.ceil(end / ARENA_ALIGNMENT) * ARENA_ALIGNMENT - end;
  const bytes = new Uint8Array(data.buffer, end, gap);
  const position = bytes.findIndex((byte) => byte !== CANARY);
  if (position >= 0) throw new Error(`a kernel wrote byte ${position} past the end of its output`);
}

function cloneData(type: TensorType, data: TensorData): TensorData {
  const copy = allocateTensor(type);
  asBytes(copy.data).set(asBytes(data).subarray(0, typeBytes(type)));
  return copy.data;
}

function asBytes(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** xorshift32: seeded, the same on every host. */
export function randomSource(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Elements over the whole range of the format; floats in [−1, 1). */
export function randomData(type: TensorType, random: () => number): TensorData {
  const { data } = allocateTensor(type);
  const { kind, min, max } = type.format;
  for (let i = 0; i < data.length; i++) {
    const value =
      kind === "float" ? random() * 2 - 1 : Math.floor(random() * (max - min + 1)) + min;
    data[i] = data instanceof BigInt64Array ? (BigInt(value) as never) : (value as never);
  }
  return data;
}
