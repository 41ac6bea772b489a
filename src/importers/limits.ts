/**
 * What a model may ask for. Every bound is the caller's: a model can never raise one. A bound that
 * would be passed is a `ResourceError` with its name, before anything of that size is allocated.
 */
import { InputError, ResourceError } from "../errors.ts";
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
  /** Work of one run: multiply-accumulates plus elements read and written, over all nodes. */
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

/**
 * The defaults with the caller's bounds in their place.
 * @throws InputError an unknown name, or a bound that is no number from 0
 */
export function resolveLimits(limits: Partial<Limits> = {}): Limits {
  const resolved: Record<keyof Limits, number> = { ...defaultLimits };
  for (const [name, bound] of Object.entries(limits)) {
    if (!Object.hasOwn(defaultLimits, name)) {
      throw new InputError(
        `limits: expected names of ${Object.keys(defaultLimits).join(", ")}, got "${name}"`,
      );
    }
    if (bound === undefined) continue;
    if (!(bound >= 0)) {
      throw new InputError(`limits.${name}: expected a number from 0, got ${bound}`);
    }
    resolved[name as keyof Limits] = bound;
  }
  return resolved;
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
    for (const type of [...inputs, ...outputs]) operations += type ? elementCount(type.shape) : 0;
    checkLimit(limits, "operations", operations);
  }
}
