/** The options of `load` that re-quantize a network before it is planned. */
import { InputError } from "../errors.ts";
import { type Graph, inferGraph } from "../graph/index.ts";
import {
  ACTIVATION_SCHEMES,
  requantizeGraph,
  type RequantizeOptions,
  WEIGHT_SCHEMES,
} from "../quantizer/index.ts";

export type { RequantizeOptions };

/** The graph as the options ask for it; itself where they ask for nothing. @throws InputError */
export function applyRequantization(graph: Graph, options: RequantizeOptions): Graph {
  const { weights, activations, keepFirstLast } = options;
  checkOption("weights", weights, WEIGHT_SCHEMES);
  checkOption("activations", activations, ACTIVATION_SCHEMES);
  checkOption("keepFirstLast", keepFirstLast, [true, false]);
  if (weights === undefined && activations === undefined) return graph;
  return inferGraph(requantizeGraph(graph, options));
}

function checkOption(name: string, value: unknown, values: readonly unknown[]): void {
  if (value === undefined || values.includes(value)) return;
  const expected = values.map((entry) => JSON.stringify(entry)).join(" or ");
  throw new InputError(`${name}: expected ${expected}, got ${JSON.stringify(value)}`);
}
