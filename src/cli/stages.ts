/** The stages of a model as text and as JSON: the graph, the plan. */
import { describeNode, describeType, type Graph } from "../graph/index.ts";
import type { Field, Plan, Pointer } from "../plan/index.ts";
import { textTable, withPrefix } from "./terminal.ts";

/** The graph without the elements of its constants. */
export function graphDocument(graph: Graph): object {
  return {
    name: graph.name,
    inputs: graph.inputs,
    outputs: graph.outputs,
    values: graph.values.map(({ name, type, constant }, id) => ({
      id,
      name,
      type: describeType(type),
      isConstant: constant !== undefined,
    })),
    nodes: graph.nodes.map(({ name, operator, attributes, inputs, outputs }) => ({
      name,
      operator: operator.name,
      attributes,
      inputs,
      outputs,
    })),
    metadata: Object.fromEntries(graph.metadata),
  };
}

/** The plan as it is, constants without their bytes. */
export function planDocument(graph: Graph, plan: Plan): object {
  return {
    steps: plan.steps.map((step) => ({
      ...step,
      node: describeNode(graph, step.node),
      ...(step.kind === "kernel" ? { parameters: step.parameters.map(printField) } : {}),
    })),
    buffers: plan.buffers,
    constants: plan.constants.map(({ label, sizeBytes, offset }) => ({ label, sizeBytes, offset })),
    flipped: [...plan.flipped],
    places: Object.fromEntries(plan.places),
    arenaBytes: plan.arenaBytes,
    arenaLowerBound: plan.arenaLowerBound,
    constantBytes: plan.constantBytes,
    scratchBytes: plan.scratchBytes,
  };
}

/** Names of fused values can be hundreds of characters long. */
const MAX_LABEL = 60;

export function printPlan(graph: Graph, plan: Plan): string {
  const { arenaBytes, arenaLowerBound, constantBytes, scratchBytes } = plan;
  const lines = [`plan ${graph.name}`];
  plan.steps.forEach((step, i) => {
    const work = `${withPrefix(step.macs)} MACs`;
    const how =
      step.kind === "kernel"
        ? `${step.kernel} ${step.tiles} tiles, scratch ${step.scratchBytes} bytes, ${work}`
        : `reference, ${work}`;
    lines.push(`  step ${i} ${describeNode(graph, step.node)} ${step.label}: ${how}`);
    if (step.kind === "kernel") lines.push(`    (${step.parameters.map(printField).join(", ")})`);
  });
  lines.push("", `arena ${arenaBytes} bytes, lower bound ${arenaLowerBound}`);
  const right = ["right", "right", "right", "right"] as const;
  const buffers = plan.buffers.map(({ label, sizeBytes, firstStep, lastStep, offset }, i) => [
    ...[i, offset, sizeBytes].map(String),
    `${firstStep}…${lastStep}`,
    label.slice(0, MAX_LABEL),
  ]);
  lines.push(textTable(["buffer", "offset", "bytes", "steps", "label"], buffers, right));
  lines.push("", `constants ${constantBytes} bytes, scratch ${scratchBytes} bytes per thread`);
  const constants = plan.constants.map(({ label, sizeBytes, offset }, i) => [
    ...[i, offset, sizeBytes].map(String),
    label,
  ]);
  lines.push(textTable(["constant", "offset", "bytes", "label"], constants, right.slice(1)));
  return lines.join("\n");
}

function printField(field: Field): string {
  return field.kind === "pointer" ? printPointer(field.pointer) : String(field.value);
}

function printPointer(pointer: Pointer): string {
  const base =
    pointer.space === "arena" ? `buffer ${pointer.buffer}` : `constant ${pointer.constant}`;
  return pointer.byteOffset === 0 ? base : `${base} + ${pointer.byteOffset}`;
}
