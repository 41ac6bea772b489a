/**
 * What a model may ask for. Every bound is the caller's: a model can never raise one. A bound that
 * would be passed is a `ResourceError` with its name, before anything of that size is allocated.
 */
import { ResourceError } from "../errors.ts";
import type { Graph } from "../graph/index.ts";
import { elementCount, MAX_ELEMENTS, MAX_RANK } from "../tensor/index.ts";

export interface Limits {
  /** Bytes of the model file. */
  readonly fileBytes: number;
  /** Weights, activations and workspace of a loaded model. Checked against the plan. */
  readonly memoryBytes: number;
  /** Elements of one tensor; at most 2^31 − 1. */
  readonly elements: number;
  /** Axes of one tensor; at most 8. */
  readonly rank: number;
  /** FlatBuffer tables, counted at every visit because tables may be shared. */
  readonly tables: number;
  /** FlatBuffer nesting. */
  readonly depth: number;
  /** Numbers decoded from vectors (shapes, scales, indices), counted at every visit. */
  readonly vectorEntries: number;
  readonly subgraphs: number;
  readonly operators: number;
  readonly tensors: number;
  /** Bytes of one name. */
  readonly nameBytes: number;
  /** Bytes of all names, counted at every visit. */
  readonly allNameBytes: number;
  /** Work of one run: multiply-accumulates plus elements written, over all nodes. */
  readonly operations: number;
}

const MEBIBYTE = 2 ** 20;

export const defaultLimits: Limits = Object.freeze<Limits>({
  fileBytes: 2 ** 31 - 1,
  memoryBytes: 1024 * MEBIBYTE,
  elements: MAX_ELEMENTS,
  rank: MAX_RANK,
  tables: 1_000_000,
  depth: 64,
  vectorEntries: 16 * MEBIBYTE,
  subgraphs: 256,
  operators: 65_536,
  tensors: 262_144,
  nameBytes: 65_536,
  allNameBytes: 16 * MEBIBYTE,
  operations: 2 ** 40,
});

/** The defaults with the caller's bounds in their place. */
export function resolveLimits(limits: Partial<Limits> = {}): Limits {
  return { ...defaultLimits, ...limits };
}

/** @throws ResourceError if `asked` passes the limit of that name */
export function checkLimit(limits: Limits, name: keyof Limits, asked: number): void {
  if (asked > limits[name]) throw new ResourceError(name, limits[name], asked);
}

/**
 * Bounds the work of one run of a graph whose types are inferred. A file of 500 bytes may describe
 * hours of work: this is asked before anything is planned or run.
 * @throws ResourceError `operations`
 */
export function checkWork(graph: Graph, limits: Limits): void {
  let operations = 0;
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((id) => graph.values[id]?.type);
    const outputs = node.outputs.map((id) => graph.values[id]!.type);
    operations += node.operator.macs?.(inputs, outputs) ?? 0;
    for (const type of outputs) operations += elementCount(type.shape);
    checkLimit(limits, "operations", operations);
  }
}
