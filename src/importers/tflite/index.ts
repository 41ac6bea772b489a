/**
 * The TFLite importer: bytes to a graph, as it stands in the file. Shapes that follow from inputs
 * and the rules of operators are not its business: `inferGraph` checks those.
 */
import { ModelError, UnsupportedError } from "../../errors.ts";
import type { Graph } from "../../graph/index.ts";
import { checkLimit, type Limits } from "../limits.ts";
import { FlatBuffer } from "./flatbuffer.ts";
import { Missing } from "./missing.ts";
import { readMetadata, readNames } from "./names.ts";
import { readOperatorNames } from "./nodes.ts";
import { topologicalOrder } from "./order.ts";
import { MODEL } from "./schema.ts";
import { type ModelContext, readSubgraph, type Subgraph } from "./subgraph.ts";
import { readBuffers } from "./tensors.ts";

const IDENTIFIER = "TFL3";
const VERSION = 3;

/** The file says that it is a TFLite model. */
export function isTflite(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && String.fromCharCode(...bytes.subarray(4, 8)) === IDENTIFIER;
}

/**
 * @param bytes the whole file; constants of the graph are views of it
 * @throws FormatError the bytes are no FlatBuffer of this schema
 * @throws ModelError, ShapeError, QuantizationError the model contradicts itself
 * @throws UnsupportedError everything that bitlane lacks for this file, in one list
 * @throws ResourceError a limit
 */
export function importTflite(bytes: Uint8Array, limits: Limits): Graph {
  const file = new FlatBuffer(bytes, limits);
  const model = file.root(IDENTIFIER);
  const version = model.uint32(MODEL.version);
  if (version !== VERSION) throw new UnsupportedError(`TFLite schema version ${version}`);
  const subgraphCount = model.count(MODEL.subgraphs, 4);
  if (subgraphCount === 0) throw new ModelError("expected a subgraph, got none");
  checkLimit(limits, "subgraphs", subgraphCount);

  const missing = new Missing();
  if (subgraphCount > 1) missing.add(`${subgraphCount} subgraphs, where one is supported`);
  const buffers = readBuffers(file, model.tables(MODEL.buffers));
  const operatorNames = readOperatorNames(model.tables(MODEL.operatorCodes));
  const context: ModelContext = { limits, buffers, operatorNames, subgraphCount, missing };
  const subgraphs = model
    .tables(MODEL.subgraphs)
    .map((table, index) => readSubgraph(context, table, index));
  checkCalls(subgraphs);
  missing.check();

  const main = subgraphs[0]!;
  const { signature, ...names } = readNames(model, main);
  return {
    name: main.name === "" ? "main" : main.name,
    values: main.values,
    nodes: main.nodes,
    inputs: main.inputs,
    outputs: main.outputs,
    ...names,
    metadata: readMetadata(file, model, buffers, signature),
  };
}

/** Control flow must not run itself, directly or through others. */
function checkCalls(subgraphs: readonly Subgraph[]): void {
  const result = topologicalOrder(subgraphs.length, (i) => subgraphs[i]!.calls);
  if ("cycle" in result) {
    throw new ModelError(`subgraph ${result.cycle}: expected not to run itself, got a cycle`);
  }
}
