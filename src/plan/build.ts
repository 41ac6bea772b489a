/** Lowers an inferred graph to a plan: kernels, parameter fields, constants, buffers, live ranges. */
import { InternalError } from "../errors.ts";
import { ABSENT, type Graph, type Node, type ValueId } from "../graph/index.ts";
import { type ModuleName, moduleOf } from "../kernels/index.ts";
import type { Rounding } from "../quantization/index.ts";
import type { Tensor, TensorType } from "../tensor/index.ts";
import { flippedTypes } from "./flip.ts";
import { basicLowerings, type Lowerings } from "./lower/index.ts";
import {
  hasDot,
  hasMadd,
  type LowerContext,
  type Machine,
  type StepRequest,
} from "./lower/context.ts";
import { planArena } from "./memory.ts";
import { Places } from "./places.ts";
import type { Field, Plan, Pointer, Step } from "./plan.ts";

export interface PlanOptions {
  readonly rounding: Rounding;
  readonly machine: Machine;
  /** False: float32 products may be added by instructions that round as the machine does. Default: true. */
  readonly deterministic?: boolean;
  /** A kernel that must be taken wherever it fits (tests and benches). */
  readonly forced?: string;
  /** False: every node runs its `reference()`. */
  readonly kernels?: boolean;
  /** From `loadLowerings`. Default: without those of minifloats and seldom operators, whose nodes then run their `reference()`. */
  readonly lowerings?: Lowerings;
}

export function createPlan(graph: Graph, options: PlanOptions): Plan {
  const { machine, rounding, forced } = options;
  const isFlipping = hasDot(machine) && machine.dot === "usdot" && rounding === "fp32";
  const flipped: StoredTypes = isFlipping && forced === undefined ? flippedTypes(graph) : new Map();
  return (
    new PlanBuilder(graph, options, flipped).build() ?? new PlanBuilder(graph, options).build()!
  );
}

/** Types of values that lie in memory in another type than the graph's. */
type StoredTypes = ReadonlyMap<ValueId, TensorType>;

class PlanBuilder {
  readonly graph: Graph;
  readonly options: PlanOptions;
  readonly steps: Step[] = [];
  readonly modules = new Set<ModuleName>();
  readonly flipped: StoredTypes;
  readonly stored: StoredTypes;
  readonly places: Places;

  constructor(graph: Graph, options: PlanOptions, flipped: StoredTypes = new Map()) {
    const { kernels = true, lowerings = basicLowerings } = options;
    this.graph = graph;
    this.options = options;
    this.flipped = flipped;
    this.stored = new Map([
      ...flipped,
      ...((kernels && lowerings.stored?.({ graph, ...options })) || []),
    ]);
    this.places = new Places(graph, (id) => this.type(id));
  }

  /** Undefined where a `reference()` would have to read or write another type than the graph's. */
  build(): Plan | undefined {
    const { places } = this;
    for (const id of this.graph.inputs) places.touch(this.place(id), -1);
    this.graph.nodes.forEach((node, index) => this.lower(node, index));
    const declared = this.steps.flatMap((step) => (step.kind === "reference" ? [step.node] : []));
    if (declared.some((node) => this.hasFlipped(this.graph.nodes[node]!))) return undefined;
    for (const id of this.graph.outputs) places.touch(this.place(id), this.steps.length);
    const { offsets, arenaBytes, lowerBound } = planArena(places.buffers);
    offsets.forEach((offset, i) => (places.buffers[i]!.offset = offset));
    return {
      steps: this.steps,
      modules: [...this.modules].sort(),
      buffers: places.buffers,
      constants: places.constants,
      flipped: new Set(this.flipped.keys()),
      places: places.byValue,
      arenaBytes,
      arenaLowerBound: lowerBound,
      constantBytes: this.placeConstants(),
      scratchBytes: this.steps.reduce(
        (most, step) => Math.max(most, step.kind === "kernel" ? step.scratchBytes : 0),
        0,
      ),
    };
  }

  private hasFlipped({ inputs, outputs }: Node): boolean {
    return [...inputs, ...outputs].some((id) => this.flipped.has(id));
  }

  private lower(node: Node, index: number): void {
    const { kernels = true, lowerings = basicLowerings } = this.options;
    const lowering = kernels ? lowerings.byOperator.get(node.operator.name) : undefined;
    const firstStep = this.steps.length;
    const lowered = lowering?.(this.context(node, index), node.attributes as never) ?? false;
    if (!lowered) {
      if (this.steps.length !== firstStep) {
        throw new InternalError(
          `expected no steps from a lowering of ${node.operator.name} that declines`,
        );
      }
      this.steps.push({
        kind: "reference",
        node: index,
        label: node.operator.name,
        macs: this.macs(node),
      });
    }
    // A node that is only an alias has no step: its values live on through their consumers.
    const last = Math.max(this.steps.length - 1, firstStep - 1);
    for (const id of [...node.inputs, ...node.outputs]) {
      if (id === ABSENT || (lowered && !this.places.byValue.has(id))) continue;
      if (!lowered && this.graph.values[id]!.constant !== undefined) continue;
      const place = this.place(id);
      this.places.touch(place, Math.min(firstStep, last));
      this.places.touch(place, last);
    }
  }

  private context(node: Node, index: number): LowerContext {
    const firstStep = this.steps.length;
    const { places } = this;
    return {
      graph: this.graph,
      node,
      rounding: this.options.rounding,
      machine: this.options.machine,
      mayFuse: this.options.deterministic === false && hasMadd(this.options.machine),
      forced: this.options.forced,
      inputs: node.inputs.map((id) => (id === ABSENT ? undefined : this.type(id))),
      outputs: node.outputs.map((id) => this.type(id)),
      constant: (input) => this.constantTensor(node.inputs[input] ?? ABSENT),
      input: (input) => this.place(node.inputs[input]!),
      place: (value) => this.place(value),
      output: (output) => this.place(node.outputs[output]!),
      outputRows: (output, rowBytes) =>
        places.rowsOf(node.outputs[output]!, this.steps.length, rowBytes),
      expanded: (value, sizeBytes) => places.expand(value, sizeBytes, this.steps.length),
      addConstant: (label, sizeBytes, fill) => places.addConstant(label, sizeBytes, fill),
      temporary: (label, sizeBytes) => places.addBuffer(label, sizeBytes, firstStep),
      alias: (output, input, isSameForm = false) =>
        places.alias(node.outputs[output]!, node.inputs[input]!, isSameForm, this.steps.length),
      part: (output, input, byteOffset) =>
        places.part(node.outputs[output]!, node.inputs[input]!, byteOffset, this.steps.length),
      overwrite: (output, input) =>
        places.overwrite(node, index, node.outputs[output]!, node.inputs[input]!),
      isInPlace: (input) => places.isInPlace(node.inputs[input]!),
      step: (request) => this.addStep(request, node, index),
    };
  }

  /** A value's type as it lies in memory. */
  private type(id: ValueId): TensorType {
    return this.stored.get(id) ?? this.graph.values[id]!.type;
  }

  private constantTensor(id: ValueId): Tensor | undefined {
    return id === ABSENT ? undefined : this.graph.values[id]!.constant;
  }

  private addStep(request: StepRequest, node: Node, index: number): void {
    const { kernels } = this.options.lowerings ?? basicLowerings;
    const row = kernels.get(request.kernel);
    if (row === undefined)
      throw new InternalError(`expected a kernel of the table, got ${request.kernel}`);
    const given = new Set(Object.keys(request.fields));
    const parameters = row.parameters.map((name): Field => {
      const field = request.fields[name];
      if (field === undefined) throw new InternalError(`${row.name}: expected field ${name}`);
      given.delete(name);
      if (typeof field === "number")
        return { kind: row.floats?.includes(name) ? "f32" : "i32", value: field };
      this.places.touch(field, this.steps.length);
      return { kind: "pointer", pointer: field };
    });
    if (given.size > 0)
      throw new InternalError(`${row.name}: unknown fields ${[...given].join(", ")}`);
    this.modules.add(moduleOf(row));
    this.steps.push({
      kind: "kernel",
      kernel: row.name,
      node: index,
      label:
        request.note === undefined ? node.operator.name : `${node.operator.name} ${request.note}`,
      parameters,
      tiles: request.tiles,
      macs: request.macs ?? 0,
      scratchBytes: request.scratchBytes ?? 0,
    });
  }

  private macs(node: Node): number {
    const type = (id: ValueId) => this.graph.values[id]!.type;
    const inputs = node.inputs.map((id) => (id === ABSENT ? undefined : type(id)));
    return node.operator.macs?.(inputs, node.outputs.map(type)) ?? 0;
  }

  private place(id: ValueId): Pointer {
    return this.places.of(id, this.steps.length);
  }

  private placeConstants(): number {
    let offset = 0;
    for (const constant of this.places.constants) {
      constant.offset = offset;
      offset += Math.ceil(constant.sizeBytes / 64) * 64;
    }
    return offset;
  }
}
