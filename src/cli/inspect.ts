/** `bitlane inspect`: what a model is, and how it would run here. Nothing is run. */
import { stat } from "node:fs/promises";
import { type Graph, inputNamesOf, outputNamesOf, printGraph } from "../graph/index.ts";
import { planModel, type TensorInfo } from "../model/index.ts";
import type { Plan, Step } from "../plan/index.ts";
import { byteLength, elementCount } from "../tensor/index.ts";
import {
  type Arguments,
  type Command,
  fileError,
  JSON_OPTION,
  ROUNDING_OPTION,
  type Terminal,
} from "./command.ts";
import { graphDocument, planDocument, printPlan } from "./stages.ts";
import { describeInfo } from "./tensor-file.ts";
import { textTable, withPrefix } from "./terminal.ts";

export const inspect: Command = {
  name: "inspect",
  summary: "Shows inputs, outputs, operators, MACs, bytes, chosen kernels and memory of a model.",
  operands: "MODEL",
  options: [
    { name: "stage", value: "STAGE", help: "prints a stage instead: graph or plan" },
    ROUNDING_OPTION,
    JSON_OPTION,
  ],

  async run(given: Arguments, terminal: Terminal): Promise<number> {
    const file = given.operand("MODEL");
    const stage = given.choice("stage", ["graph", "plan"]);
    const rounding = given.choice("rounding", ["fp32", "tflite-reference"]);
    const fileBytes = await sizeOf(file);
    const { graph, plan } = await planModel(file, rounding === undefined ? {} : { rounding });
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
  /** Bytes of the constants as the file holds them. */
  readonly weightBytes: number;
  /** Bytes of the constants as the kernels take them. */
  readonly packedWeightBytes: number;
  readonly arenaBytes: number;
  readonly arenaLowerBound: number;
  readonly scratchBytes: number;
  readonly nodes: readonly NodeReport[];
  readonly metadata: Readonly<Record<string, string>>;
}

export function describeModel(
  file: string,
  fileBytes: number,
  graph: Graph,
  plan: Plan,
): ModelReport {
  const constants = graph.values.filter(({ constant }) => constant !== undefined);
  return {
    file,
    fileBytes,
    inputs: graph.inputs.map((id, i) => describeValue(graph, id, inputNamesOf(graph)[i]!)),
    outputs: graph.outputs.map((id, i) => describeValue(graph, id, outputNamesOf(graph)[i]!)),
    operators: countBy(graph.nodes.map(({ operator }) => operator.name)),
    dtypes: countBy(graph.values.map(({ type }) => type.format.name)),
    macs: plan.steps.reduce((sum, { macs }) => sum + macs, 0),
    weightBytes: constants.reduce(
      (sum, { type }) => sum + byteLength(type.format, elementCount(type.shape)),
      0,
    ),
    packedWeightBytes: plan.constantBytes,
    arenaBytes: plan.arenaBytes,
    arenaLowerBound: plan.arenaLowerBound,
    scratchBytes: plan.scratchBytes,
    nodes: plan.steps.map((step) => describeStep(graph, step)),
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

function describeStep(graph: Graph, step: Step): NodeReport {
  const { name, operator } = graph.nodes[step.node]!;
  const kernel = step.kind === "kernel" ? step.kernel : "reference";
  return { name, operator: operator.name, label: step.label, kernel, macs: step.macs };
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
  const nodes = report.nodes.map(({ label, kernel, macs }, i) => [
    String(i),
    label,
    kernel,
    withPrefix(macs),
  ]);
  return [
    `file      ${report.file}, ${report.fileBytes} bytes`,
    ...tensors("input   ", report.inputs),
    ...tensors("output  ", report.outputs),
    `operators ${counts(report.operators)}`,
    `values    ${counts(report.dtypes)}`,
    `MACs      ${report.macs} (${withPrefix(report.macs)})`,
    `weights   ${report.weightBytes} bytes in the file, ${report.packedWeightBytes} bytes packed`,
    `arena     ${report.arenaBytes} bytes, no arena can be smaller than ${report.arenaLowerBound}`,
    `scratch   ${report.scratchBytes} bytes per thread`,
    "",
    textTable(["node", "operator", "kernel", "MACs"], nodes, ["right", "left", "left", "right"]),
  ].join("\n");
}
