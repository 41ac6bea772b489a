/**
 * Binds a plan to one linear memory. Regions, in order:
 *
 *     0..1023   never used (the compiler assumes pointer + small constant does not wrap)
 *     control | parameter blocks per lane | constants | arena per lane | scratch per thread | slack
 *
 * A lane is an arena of its own with parameter blocks of its own: `runBatch` computes one input per
 * lane, `run` uses lane 0.
 */
import { ResourceError } from "../errors.ts";
import type { Field, Plan, Pointer } from "../plan/index.ts";
import { allocateMemory, PAGE_BYTES } from "../wasm/index.ts";
import { controlWords, NO_KERNEL, type Program, STEP_WORDS } from "./protocol.ts";

const FIRST_ADDRESS = 1024;
/** Kernels may read, never write, this far past the end of a buffer. */
const SLACK_BYTES = 256;
const ALIGNMENT = 128;

export interface BindOptions {
  /** Worker threads; 0: everything on the owner. */
  readonly workers: number;
  readonly lanes: number;
  readonly maxMemoryBytes: number;
}

export interface MemoryLayout {
  readonly controlAddress: number;
  readonly laneAddresses: readonly number[];
  readonly blockBytes: number;
  readonly constantAddress: number;
  readonly arenaAddresses: readonly number[];
  readonly scratchAddresses: readonly number[];
  readonly totalBytes: number;
}

function layoutMemory(plan: Plan, { workers, lanes }: BindOptions): MemoryLayout {
  let end = FIRST_ADDRESS;
  const take = (bytes: number) => {
    const address = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    end = address + bytes;
    return address;
  };
  const repeat = (count: number, bytes: number) => Array.from({ length: count }, () => take(bytes));
  const blockBytes = plan.steps.reduce((sum, step) => sum + parameterBytes(step), 0);
  const controlAddress = take(controlWords(workers, plan.steps.length) * 4);
  const laneAddresses = repeat(lanes, blockBytes);
  const constantAddress = take(plan.constantBytes);
  const arenaAddresses = repeat(lanes, plan.arenaBytes);
  const scratchAddresses = repeat(workers + 1, plan.scratchBytes);
  return {
    controlAddress,
    laneAddresses,
    blockBytes,
    constantAddress,
    arenaAddresses,
    scratchAddresses,
    totalBytes: Math.ceil((end + SLACK_BYTES) / PAGE_BYTES) * PAGE_BYTES,
  };
}

/** A plan in memory: what the threads walk, and where the owner finds its tensors. */
export interface Binding {
  readonly plan: Plan;
  readonly layout: MemoryLayout;
  readonly program: Program;
  address(pointer: Pointer, lane: number): number;
}

/** @throws ResourceError before anything is allocated; PlatformError if the host refuses */
export function bindPlan(
  plan: Plan,
  modules: readonly WebAssembly.Module[],
  options: BindOptions,
): Binding {
  const layout = layoutMemory(plan, options);
  if (layout.totalBytes > options.maxMemoryBytes) {
    throw new ResourceError("engine memory (bytes)", options.maxMemoryBytes, layout.totalBytes);
  }
  const memory = allocateMemory(layout.totalBytes, options.workers > 0);
  const bytes = new Uint8Array(memory.buffer);
  for (const { offset, sizeBytes, fill } of plan.constants) {
    const start = layout.constantAddress + offset;
    fill(bytes.subarray(start, start + sizeBytes));
  }
  const address = (pointer: Pointer, lane: number) =>
    pointer.space === "arena"
      ? layout.arenaAddresses[lane]! + plan.buffers[pointer.buffer]!.offset + pointer.byteOffset
      : layout.constantAddress + plan.constants[pointer.constant]!.offset + pointer.byteOffset;
  layout.laneAddresses.forEach((start, lane) => writeBlocks(plan, memory, start, lane, address));
  const kernels = [...new Set(plan.steps.flatMap((s) => (s.kind === "kernel" ? [s.kernel] : [])))];
  const program: Program = {
    modules,
    memory,
    kernels,
    steps: flattenSteps(plan, kernels),
    workers: options.workers,
    controlAddress: layout.controlAddress,
    laneAddresses: layout.laneAddresses,
    scratchAddresses: layout.scratchAddresses,
  };
  return { plan, layout, program, address };
}

function parameterBytes(step: Plan["steps"][number]): number {
  return step.kind === "kernel" ? Math.ceil((step.parameters.length * 4) / 16) * 16 : 0;
}

function flattenSteps(plan: Plan, kernels: readonly string[]): Int32Array {
  const words = new Int32Array(plan.steps.length * STEP_WORDS);
  let offset = 0;
  plan.steps.forEach((step, i) => {
    const kernel = step.kind === "kernel" ? kernels.indexOf(step.kernel) : NO_KERNEL;
    words.set([kernel, offset, step.kind === "kernel" ? step.tiles : 1], i * STEP_WORDS);
    offset += parameterBytes(step);
  });
  return words;
}

function writeBlocks(
  plan: Plan,
  memory: WebAssembly.Memory,
  start: number,
  lane: number,
  address: (pointer: Pointer, lane: number) => number,
): void {
  const view = new DataView(memory.buffer);
  let at = start;
  for (const step of plan.steps) {
    if (step.kind !== "kernel") continue;
    step.parameters.forEach((field: Field, i) => {
      if (field.kind === "f32") view.setFloat32(at + 4 * i, field.value, true);
      else if (field.kind === "i32") view.setInt32(at + 4 * i, field.value, true);
      else view.setUint32(at + 4 * i, address(field.pointer, lane), true);
    });
    at += parameterBytes(step);
  }
}
