/** One line per value and node: what `bitlane inspect --stage graph` shows. */
import type { TensorType } from "../tensor/index.ts";
import { ABSENT, type Graph } from "./graph.ts";

/** `int8[1, 224, 224, 3] scale 0.0078 zero point -1` */
export function describeType({ format, shape, quantization }: TensorType): string {
  const text = `${format.name}[${shape.join(", ")}]`;
  if (quantization === undefined) return text;
  if (quantization.granularity !== "perTensor") {
    return `${text} ${quantization.scale.length} scales on axis ${quantization.axis}`;
  }
  return `${text} scale ${quantization.scale[0]!.toPrecision(6)} zero point ${quantization.zeroPoint[0]!}`;
}

export function printGraph(graph: Graph): string {
  const name = (id: number) => (id === ABSENT ? "-" : `%${id}`);
  const lines = [`graph ${graph.name}`];
  for (const id of graph.inputs) {
    lines.push(
      `  input %${id} "${graph.values[id]!.name}" ${describeType(graph.values[id]!.type)}`,
    );
  }
  graph.nodes.forEach((node, index) => {
    const results = node.outputs
      .map((id) => `%${id} ${describeType(graph.values[id]!.type)}`)
      .join("; ");
    lines.push(
      `  ${index} ${node.operator.name}(${node.inputs.map(name).join(", ")}) ${printAttributes(node.attributes)} -> ${results}`,
    );
  });
  for (const id of graph.outputs) lines.push(`  output %${id} "${graph.values[id]!.name}"`);
  return lines.join("\n");
}

function printAttributes(attributes: unknown): string {
  return JSON.stringify(attributes).replaceAll('"', "");
}
