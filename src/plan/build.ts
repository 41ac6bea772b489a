/** Lowers an inferred graph to a plan: kernels, parameter fields, constants, buffers, live ranges. */
import { InternalError } from "../errors.ts";
import { ABSENT, type Graph, type Node, type ValueId } from "../graph/index.ts";
import { kernelTable, modulesOf } from "../kernels/index.ts";
import type { Rounding } from "../quantization/index.ts";
import { type Tensor, type TensorType, typeBytes } from "../tensor/index.ts";
import { flippedTypes } from "./flip.ts";
import { type Lowerings, lowerings } from "./lower/index.ts";
import { hasDot, type LowerContext, type Machine, type StepRequest } from "./lower/context.ts";
import { planArena } from "./memory.ts";
import type { BufferPlan, ConstantPlan, Field, Plan, Pointer, Step } from "./plan.ts";

export interface PlanOptions {
  readonly rounding: Rounding;
  readonly machine: Machine;
  /** A kernel that must be taken wherever it fits (tests and benches). */
  readonly forced?: string;
  /** False: every node runs its `reference()`. */
  readonly kernels?: boolean;
  /** From `loadLowerings`. Default: without those of minifloats, whose nodes then run their `reference()`. */
  readonly lowerings?: Lowerings;
}

export function createPlan(graph: Graph, options: PlanOptions): Plan {
  const { machine, rounding, forced } = options;
  const isFlipping = hasDot(machine) && machine.dot === "usdot" && rounding === "fp32";
  const stored: StoredTypes = isFlipping && forced === undefined ? flippedTypes(graph) : new Map();
  return (
    new PlanBuilder(graph, options, stored).build() ?? new PlanBuilder(graph, options).build()!
  );
}

/** Types of values that lie in memory in another type than the graph's. */
type StoredTypes = ReadonlyMap<ValueId, TensorType>;

class PlanBuilder {
  readonly graph: Graph;
  readonly options: PlanOptions;
  readonly steps: Step[] = [];
  readonly buffers: BufferPlan[] = [];
  readonly constants: ConstantPlan[] = [];
  readonly places = new Map<ValueId, Pointer>();
  readonly stored: StoredTypes;

  constructor(graph: Graph, options: PlanOptions, stored: StoredTypes = new Map()) {
    this.graph = graph;
    this.options = options;
    this.stored = stored;
  }

  /** Undefined where a `reference()` would have to read or write another type than the graph's. */
  build(): Plan | undefined {
    for (const id of this.graph.inputs) this.touch(this.place(id), -1);
    this.graph.nodes.forEach((node, index) => this.lower(node, index));
    const declared = this.steps.flatMap((step) => (step.kind === "reference" ? [step.node] : []));
    if (declared.some((node) => this.hasStored(this.graph.nodes[node]!))) return undefined;
    for (const id of this.graph.outputs) this.touch(this.place(id), this.steps.length);
    const { offsets, arenaBytes, lowerBound } = planArena(this.buffers);
    offsets.forEach((offset, i) => (this.buffers[i]!.offset = offset));
    return {
      steps: this.steps,
      modules: modulesOf(this.steps.flatMap((s) => (s.kind === "kernel" ? [s.kernel] : []))),
      buffers: this.buffers,
      constants: this.constants,
      flipped: new Set(this.stored.keys()),
      places: this.places,
      arenaBytes,
      arenaLowerBound: lowerBound,
      constantBytes: this.placeConstants(),
      scratchBytes: this.steps.reduce(
        (most, step) => Math.max(most, step.kind === "kernel" ? step.scratchBytes : 0),
        0,
      ),
    };
  }

  private hasStored({ inputs, outputs }: Node): boolean {
    return [...inputs, ...outputs].some((id) => this.stored.has(id));
  }

  private lower(node: Node, index: number): void {
    const { kernels = true, lowerings: known = lowerings } = this.options;
    const lowering = kernels ? known.get(node.operator.name) : undefined;
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
      if (id === ABSENT || (lowered && !this.places.has(id))) continue;
      if (!lowered && this.graph.values[id]!.constant !== undefined) continue;
      const place = this.place(id);
      this.touch(place, Math.min(firstStep, last));
      this.touch(place, last);
    }
  }

  private context(node: Node, index: number): LowerContext {
    const type = (id: ValueId) => this.stored.get(id) ?? this.graph.values[id]!.type;
    const steps = { first: this.steps.length };
    return {
      graph: this.graph,
      node,
      rounding: this.options.rounding,
      machine: this.options.machine,
      forced: this.options.forced,
      inputs: node.inputs.map((id) => (id === ABSENT ? undefined : type(id))),
      outputs: node.outputs.map(type),
      constant: (input) => this.constantTensor(node.inputs[input] ?? ABSENT),
      input: (input) => this.place(node.inputs[input]!),
      place: (value) => this.place(value),
      output: (output) => this.place(node.outputs[output]!),
      expandedOutput: (output, sizeBytes) => this.expand(node.outputs[output]!, sizeBytes),
      addConstant: (label, sizeBytes, fill) => this.addConstant(label, sizeBytes, fill),
      temporary: (label, sizeBytes) => this.addBuffer(label, sizeBytes, steps.first),
      alias: (output, input, isSameForm = false) =>
        this.alias(node.outputs[output]!, node.inputs[input]!, isSameForm),
      step: (request) => this.addStep(request, node, index),
    };
  }

  private constantTensor(id: ValueId): Tensor | undefined {
    return id === ABSENT ? undefined : this.graph.values[id]!.constant;
  }

  private addStep(request: StepRequest, node: Node, index: number): void {
    const row = kernelTable.get(request.kernel);
    if (row === undefined)
      throw new InternalError(`expected a kernel of the table, got ${request.kernel}`);
    const given = new Set(Object.keys(request.fields));
    const parameters = row.parameters.map((name): Field => {
      const field = request.fields[name];
      if (field === undefined) throw new InternalError(`${row.name}: expected field ${name}`);
      given.delete(name);
      if (typeof field === "number")
        return { kind: row.floats?.includes(name) ? "f32" : "i32", value: field };
      this.touch(field, this.steps.length);
      return { kind: "pointer", pointer: field };
    });
    if (given.size > 0)
      throw new InternalError(`${row.name}: unknown fields ${[...given].join(", ")}`);
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

  /** The place of a value, given on first use: constants as stored, the rest in the arena. */
  private place(id: ValueId): Pointer {
    const known = this.places.get(id);
    if (known !== undefined) return known;
    const { name, type, constant } = this.graph.values[id]!;
    const pointer =
      constant === undefined
        ? this.addBuffer(name, typeBytes(type), this.steps.length)
        : this.addConstant(name, constant.data.byteLength, (target) => {
            const { buffer, byteOffset, byteLength } = constant.data;
            target.set(new Uint8Array(buffer, byteOffset, byteLength));
          });
    this.places.set(id, pointer);
    return pointer;
  }

  private expand(id: ValueId, sizeBytes: number): Pointer {
    if (this.places.has(id)) throw new InternalError(`expected value ${id} without a place`);
    const pointer = this.addBuffer(this.graph.values[id]!.name, sizeBytes, this.steps.length);
    this.places.set(id, pointer);
    return pointer;
  }

  private alias(output: ValueId, input: ValueId, isSameForm: boolean): boolean {
    if (this.places.has(output) || this.graph.values[input]!.constant !== undefined) return false;
    const bytes = (id: ValueId): number => typeBytes(this.graph.values[id]!.type);
    if (!isSameForm && bytes(input) !== bytes(output)) return false;
    this.places.set(output, this.place(input));
    return true;
  }

  private addBuffer(label: string, sizeBytes: number, step: number): Pointer {
    this.buffers.push({ label, sizeBytes, firstStep: step, lastStep: step, offset: 0 });
    return { space: "arena", buffer: this.buffers.length - 1, byteOffset: 0 };
  }

  private addConstant(label: string, sizeBytes: number, fill: ConstantPlan["fill"]): Pointer {
    this.constants.push({ label, sizeBytes, fill, offset: 0 });
    return { space: "constant", constant: this.constants.length - 1, byteOffset: 0 };
  }

  private touch(pointer: Pointer, step: number): void {
    if (pointer.space !== "arena") return;
    const buffer = this.buffers[pointer.buffer]!;
    buffer.firstStep = Math.min(buffer.firstStep, step);
    buffer.lastStep = Math.max(buffer.lastStep, step);
  }

  private placeConstants(): number {
    let offset = 0;
    for (const constant of this.constants) {
      constant.offset = offset;
      offset += Math.ceil(constant.sizeBytes / 64) * 64;
    }
    return offset;
  }
}
