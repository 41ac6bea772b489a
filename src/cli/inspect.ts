/** `bitlane inspect`: what a model is, and how it would run here. Nothing is run. */
import { stat } from "node:fs/promises";
import { ABSENT, type Graph, inputNamesOf, outputNamesOf, printGraph } from "../graph/index.ts";
import { planModel, type TensorInfo } from "../model/index.ts";
import type { Plan, Step } from "../plan/index.ts";
import { byteLength, elementCount } from "../tensor/index.ts";
import {
  type Arguments,
  type Command,
  fileError,
  JSON_OPTION,
  NO_DETERMINISTIC_OPTION,
  ROUNDING_OPTION,
  type Terminal,
} from "./command.ts";
import { readRequantization, REQUANTIZE_OPTIONS } from "./requantization.ts";
import { graphDocument, planDocument, printPlan } from "./stages.ts";
import { describeInfo } from "./tensor-file.ts";
import { textTable, withPrefix } from "./terminal.ts";

export const inspect: Command = {
  name: "inspect",
  summary: "Shows inputs, outputs, operators, MACs, bytes, chosen kernels and memory of a model.",
  operands: "MODEL",
  options: [
    { name: "stage", value: "STAGE", help: "prints a stage instead: graph or plan" },
    ...REQUANTIZE_OPTIONS,
    ROUNDING_OPTION,
    NO_DETERMINISTIC_OPTION,
    JSON_OPTION,
  ],

  async run(given: Arguments, terminal: Terminal): Promise<number> {
    const file = given.operand("MODEL");
    const stage = given.choice("stage", ["graph", "plan"]);
    const rounding = given.choice("rounding", ["fp32", "tflite-reference"]);
    const fileBytes = await sizeOf(file);
    const { graph, plan } = await planModel(file, {
      ...readRequantization(given),
      deterministic: !given.flag("no-deterministic"),
      ...(rounding === undefined ? {} : { rounding }),
    });
    if (stage !== undefined) {
      const document = stage === "graph" ? graphDocument(graph) : planDocument(graph, plan);
      const text = () => (stage === "graph" ? printGraph(graph) : printPlan(graph, plan));
      terminal.line(given.flag("json") ? JSON.stringify(document) : text());
      return 0;
    }
    const report = describeModel(file, fileBytes, graph, plan);
    terminal.line(given.flag("json") ? JSON.stringify(report) : printReport(report));
    return 0;
  },
};

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (cause) {
    throw fileError(file, "a readable model file", cause);
  }
}

interface NodeReport {
  readonly name: string;
  readonly operator: string;
  /** Operator and form, e.g. "Conv2D 3x3 s2". */
  readonly label: string;
  /** Kernel name, or "reference". */
  readonly kernel: string;
  readonly macs: number;
  /** Bytes of the node's constants as the kernels take them: packed weights, biases, tables. */
  readonly residentBytes: number;
  /** The weights have fewer than 8 bits, and the kernel keeps a byte or more for each, for speed. */
  readonly isExpanded: boolean;
}

export interface ModelReport {
  readonly file: string;
  readonly fileBytes: number;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Number of nodes by operator. */
  readonly operators: Readonly<Record<string, number>>;
  /** Number of values by dtype. */
  readonly dtypes: Readonly<Record<string, number>>;
  readonly macs: number;
  /** Bytes of the constants in their formats. */
  readonly weightBytes: number;
  /** Bytes of the constants as the kernels take them: what is resident. */
  readonly packedWeightBytes: number;
  /** The part of it in layers that are expanded. */
  readonly expandedWeightBytes: number;
  readonly arenaBytes: number;
  readonly arenaLowerBound: number;
  readonly scratchBytes: number;
  /** Kernel modules that are loaded for it. */
  readonly modules: readonly string[];
  readonly nodes: readonly NodeReport[];
  readonly metadata: Readonly<Record<string, string>>;
}

function describeModel(file: string, fileBytes: number, graph: Graph, plan: Plan): ModelReport {
  const constants = graph.values.filter(({ constant }) => constant !== undefined);
  const nodes = plan.steps.map((step) => describeStep(graph, plan, step));
  return {
    file,
    fileBytes,
    inputs: graph.inputs.map((id, i) => describeValue(graph, id, inputNamesOf(graph)[i]!)),
    outputs: graph.outputs.map((id, i) => describeValue(graph, id, outputNamesOf(graph)[i]!)),
    operators: countBy(graph.nodes.map(({ operator }) => operator.name)),
    dtypes: countBy(graph.values.map(({ type }) => type.format.name)),
    macs: sum(plan.steps.map(({ macs }) => macs)),
    weightBytes: sum(
      constants.map(({ type }) => byteLength(type.format, elementCount(type.shape))),
    ),
    packedWeightBytes: residentWeightBytes(graph, plan),
    expandedWeightBytes: sum(
      nodes.map(({ isExpanded, residentBytes }) => (isExpanded ? residentBytes : 0)),
    ),
    arenaBytes: plan.arenaBytes,
    arenaLowerBound: plan.arenaLowerBound,
    scratchBytes: plan.scratchBytes,
    modules: plan.modules,
    nodes,
    metadata: Object.fromEntries(graph.metadata),
  };
}

function describeValue(graph: Graph, id: number, name: string): TensorInfo {
  const { type } = graph.values[id]!;
  const { quantization } = type;
  const info = { name, dtype: type.format.name, shape: type.shape };
  if (quantization?.granularity !== "perTensor") return info;
  const { scale, zeroPoint } = quantization;
  return { ...info, quantization: { scale: scale[0]!, zeroPoint: zeroPoint[0]! } };
}

function describeStep(graph: Graph, plan: Plan, step: Step): NodeReport {
  const { name, operator, inputs } = graph.nodes[step.node]!;
  const kernel = step.kind === "kernel" ? step.kernel : "reference";
  const residentBytes = constantBytes(graph, plan, step);
  const weights = graph.values[inputs[1] ?? ABSENT];
  const isExpanded =
    weights?.constant !== undefined &&
    weights.type.format.bits < 8 &&
    residentBytes >= elementCount(weights.type.shape);
  return {
    name,
    operator: operator.name,
    label: step.label,
    kernel,
    macs: step.macs,
    residentBytes,
    isExpanded,
  };
}

/** Bytes of all constants where the steps read them. */
export function residentWeightBytes(graph: Graph, plan: Plan): number {
  const plain = plan.steps.filter(({ kind }) => kind === "reference");
  return plan.constantBytes + sum(plain.map((step) => constantBytes(graph, plan, step)));
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Bytes of the constants that a step reads: those of the plan, or the graph's own without a kernel. */
function constantBytes(graph: Graph, plan: Plan, step: Step): number {
  if (step.kind === "reference") {
    const constants = graph.nodes[step.node]!.inputs.map((id) => graph.values[id]?.constant);
    return sum(constants.map((constant) => constant?.data.byteLength ?? 0));
  }
  const read = new Set<number>();
  for (const field of step.parameters) {
    if (field.kind === "pointer" && field.pointer.space === "constant") {
      read.add(field.pointer.constant);
    }
  }
  return sum([...read].map((constant) => plan.constants[constant]!.sizeBytes));
}

/** Most frequent first. */
function countBy(keys: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b)));
}

function printReport(report: ModelReport): string {
  const counts = (record: Readonly<Record<string, number>>) =>
    Object.entries(record)
      .map(([key, count]) => `${key} ${count}`)
      .join(", ");
  const tensors = (title: string, infos: readonly TensorInfo[]) =>
    infos.map((info) => `${title}  "${info.name}" ${describeInfo(info)}`);
  const nodes = report.nodes.map(({ label, kernel, macs, residentBytes, isExpanded }, i) => [
    String(i),
    label,
    kernel,
    withPrefix(macs),
    residentBytes === 0 ? "" : String(residentBytes),
    isExpanded ? "expanded" : "",
  ]);
  const expanded = report.nodes.filter(({ isExpanded }) => isExpanded).length;
  return [
    `file      ${report.file}, ${report.fileBytes} bytes`,
    ...tensors("input   ", report.inputs),
    ...tensors("output  ", report.outputs),
    `operators ${counts(report.operators)}`,
    `values    ${counts(report.dtypes)}`,
    `MACs      ${report.macs} (${withPrefix(report.macs)})`,
    `weights   ${report.weightBytes} bytes of codes, ${report.packedWeightBytes} bytes resident`,
    ...(expanded === 0
      ? []
      : [`expanded  ${report.expandedWeightBytes} bytes of ${expanded} nodes, for speed`]),
    `arena     ${report.arenaBytes} bytes, no arena can be smaller than ${report.arenaLowerBound}`,
    `scratch   ${report.scratchBytes} bytes per thread`,
    `modules   ${report.modules.join(", ")}`,
    "",
    textTable(["node", "operator", "kernel", "MACs", "bytes", ""], nodes, [
      ...(["right", "left", "left"] as const),
      ...(["right", "right"] as const),
    ]),
  ].join("\n");
}
