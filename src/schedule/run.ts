/** One inference: the steps in order, by the pool where that pays, by the calling thread elsewhere. */
import { PoolError, throwIfAborted } from "../errors.ts";
import type { Plan, Step } from "../plan/index.ts";
import type { Binding } from "./bind.ts";
import type { WorkerFactory } from "./host.ts";
import type { Pool } from "./pool.ts";
import { ABORT_REASON } from "./protocol.ts";
import { Walker } from "./walk.ts";

/** Runs an operator's `reference()` on the tensors of a lane; given by the model. */
export type ReferenceRun = (node: number, lane: number) => void;

/** Consecutive steps with one way of running. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly way: "reference" | "owner" | "pool";
}

/**
 * Estimated milliseconds below which a segment is over before a sleeping worker has begun
 * (bench/threads.ts): `run` wakes all workers and then the owner, `runSync` has the owner begin at once,
 * a batch wakes a worker for each whole inference.
 */
const MIN_RUN_MS = 0.25;
const MIN_SYNC_MS = 0.1;
const MIN_ALONE_MS = 0.12;

/** Multiply-accumulates per millisecond, low estimates: relaxed dot and Winograd, every other kernel. */
const FAST_MACS = 80e6;
const PLAIN_MACS = 35e6;
const FAST = /_relaxed$|^winograd_/;

export interface RunnerOptions {
  readonly createWorker?: WorkerFactory | undefined;
  /** Multiply-accumulates that make waking the workers worthwhile, in place of the estimates. */
  readonly minPoolMacs?: number | undefined;
}

function estimateMs(step: Step): number {
  const isFast = step.kind === "kernel" && FAST.test(step.kernel);
  return step.macs / (isFast ? FAST_MACS : PLAIN_MACS);
}

/**
 * Cuts a plan into segments. Kernel steps go to the pool if together they take `minMs`, or have
 * `minMacs` where that is given.
 */
export function cutSegments(plan: Plan, minMs: number, minMacs?: number): Segment[] {
  const segments: { from: number; to: number; way: Segment["way"]; work: number }[] = [];
  plan.steps.forEach((step, i) => {
    const way = step.kind === "reference" ? "reference" : "owner";
    const work = minMacs === undefined ? estimateMs(step) : step.macs;
    const last = segments.at(-1);
    if (last !== undefined && last.way === way) {
      last.to = i + 1;
      last.work += work;
    } else {
      segments.push({ from: i, to: i + 1, way, work });
    }
  });
  return segments.map(({ from, to, way, work }) => ({
    from,
    to,
    way: way === "owner" && work >= (minMacs ?? minMs) ? "pool" : way,
  }));
}

/** Whether any way of running wakes the workers: a batch does for the shortest networks. */
export function canUsePool(plan: Plan): boolean {
  return isWorthWaking(plan, MIN_ALONE_MS) || hasPoolSegment(cutSegments(plan, MIN_SYNC_MS));
}

function isWorthWaking(plan: Plan, minMs: number): boolean {
  const isWhole = plan.steps.every(({ kind }) => kind === "kernel");
  return isWhole && plan.steps.reduce((sum, step) => sum + estimateMs(step), 0) >= minMs;
}

function hasPoolSegment(segments: readonly Segment[]): boolean {
  return segments.some(({ way }) => way === "pool");
}

export class Runner {
  readonly binding: Binding;
  readonly pool: Pool | undefined;
  readonly segments: readonly Segment[];
  /** The same for `runSync`, which wakes the workers for less. */
  readonly syncSegments: readonly Segment[];
  /** True if a whole inference can be given to one worker, and is worth it. */
  readonly canRunAlone: boolean;
  /** True if `run` gives a part of the plan to the workers. */
  readonly hasSharedSegment: boolean;
  readonly #walker: Walker;
  readonly #reference: ReferenceRun;

  private constructor(
    binding: Binding,
    walker: Walker,
    pool: Pool | undefined,
    reference: ReferenceRun,
    minPoolMacs: number | undefined,
  ) {
    this.binding = binding;
    this.pool = pool;
    const { plan } = binding;
    const minMacs = pool === undefined ? Infinity : minPoolMacs;
    this.segments = cutSegments(plan, MIN_RUN_MS, minMacs);
    this.syncSegments = cutSegments(plan, MIN_SYNC_MS, minMacs);
    this.hasSharedSegment = hasPoolSegment(this.segments);
    this.canRunAlone =
      pool !== undefined && isWorthWaking(plan, minMacs === undefined ? MIN_ALONE_MS : 0);
    this.#walker = walker;
    this.#reference = reference;
  }

  /** @throws PoolError if the workers do not start */
  static async start(
    binding: Binding,
    reference: ReferenceRun,
    { createWorker, minPoolMacs }: RunnerOptions = {},
  ): Promise<Runner> {
    const walker = new Walker(binding.program, 0);
    const hasWorkers = binding.program.workers > 0;
    const pool = hasWorkers
      ? await (await import("./pool.ts")).Pool.start(walker, createWorker)
      : undefined;
    return new Runner(binding, walker, pool, reference, minPoolMacs);
  }

  /** Lane 0, without blocking the calling thread where the pool works. */
  async run(signal?: AbortSignal): Promise<void> {
    const cancel = () => this.#walker.abort(ABORT_REASON.cancelled);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      for (const segment of this.segments) {
        throwIfAborted(signal, "the run");
        if (segment.way === "pool") await this.pool!.runShared(segment.from, segment.to);
        else this.#runHere(segment, 0);
      }
      throwIfAborted(signal, "the run");
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Lane 0, blocking. `canWait`: the calling thread may sleep; else it works alone. */
  runSync(canWait: boolean): void {
    for (const segment of this.syncSegments) {
      if (segment.way === "pool" && canWait) this.pool!.runSharedSync(segment.from, segment.to);
      else this.#runHere(segment, 0);
    }
  }

  async runAlone(worker: number, lane: number): Promise<void> {
    if (this.pool === undefined) throw new PoolError("expected a pool, this model has one thread");
    await this.pool.runAlone(worker, lane, 0, this.binding.plan.steps.length);
  }

  /**
   * Lane 0 on the calling thread.
   * @param marks receives when each step began, and the end, by `performance.now()`
   */
  runTimed(marks: number[]): void {
    const count = this.binding.plan.steps.length;
    for (let step = 0; step < count; step++) {
      marks.push(performance.now());
      this.runStep(step);
    }
    marks.push(performance.now());
  }

  /** One step of lane 0 on the calling thread. */
  runStep(index: number): void {
    const step = this.binding.plan.steps[index]!;
    if (step.kind === "kernel") this.#walker.runStep(0, index);
    else this.#reference(step.node, 0);
  }

  async terminate(): Promise<void> {
    await this.pool?.terminate();
  }

  #runHere({ from, to, way }: Segment, lane: number): void {
    if (way !== "reference") {
      this.#walker.walkAlone(lane, from, to);
      return;
    }
    for (let step = from; step < to; step++) {
      this.#reference(this.binding.plan.steps[step]!.node, lane);
    }
  }
}
