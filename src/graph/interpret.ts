/** Runs a graph through the operators' `reference()`: slow, normative, the oracle of every test. */
import { InputError } from "../errors.ts";
import type { Rounding } from "../quantization/index.ts";
import type { Tensor, TensorData } from "../tensor/index.ts";
import { ABSENT, type Graph, type ValueId } from "./graph.ts";

/**
 * @param graph a graph whose types are inferred
 * @param inputs one array of elements per graph input, in graph order
 * @returns every value that was computed, given or constant, by id
 */
export function interpret(
  graph: Graph,
  inputs: readonly TensorData[],
  rounding: Rounding,
): Map<ValueId, Tensor> {
  if (inputs.length !== graph.inputs.length) {
    throw new InputError(`expected ${graph.inputs.length} inputs, got ${inputs.length}`);
  }
  const tensors = new Map<ValueId, Tensor>();
  graph.values.forEach((value, id) => {
    if (value.constant !== undefined) tensors.set(id, value.constant);
  });
  graph.inputs.forEach((id, i) => {
    tensors.set(id, { type: graph.values[id]!.type, data: inputs[i]! });
  });
  for (const node of graph.nodes) {
    const given = node.inputs.map((id) => (id === ABSENT ? undefined : tensors.get(id)));
    const outputs = node.outputs.map((id) => graph.values[id]!.type);
    const results = node.operator.reference(given, node.attributes as never, { rounding, outputs });
    node.outputs.forEach((id, i) => tensors.set(id, results[i]!));
  }
  return tensors;
}
