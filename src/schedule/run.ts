/** One inference: the steps in order, by the pool where that pays, by the calling thread elsewhere. */
import { CancelledError, PoolError } from "../errors.ts";
import type { Plan } from "../plan/index.ts";
import type { Binding } from "./bind.ts";
import type { WorkerFactory } from "./host.ts";
import { Pool } from "./pool.ts";
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

/** Below this a segment is over before a sleeping worker has begun (see docs/performance.md). */
const MIN_POOL_MACS = 8e6;

export interface RunnerOptions {
  readonly createWorker?: WorkerFactory | undefined;
  /** Multiply-accumulates that make waking the workers worthwhile. */
  readonly minPoolMacs?: number | undefined;
}

/** Cuts a plan into segments. Kernel steps go to the pool if they are worth it. */
export function cutSegments(plan: Plan, minPoolMacs: number): Segment[] {
  const segments: { from: number; to: number; way: Segment["way"]; macs: number }[] = [];
  plan.steps.forEach((step, i) => {
    const way = step.kind === "reference" ? "reference" : "owner";
    const last = segments.at(-1);
    if (last !== undefined && last.way === way) {
      last.to = i + 1;
      last.macs += step.macs;
    } else {
      segments.push({ from: i, to: i + 1, way, macs: step.macs });
    }
  });
  return segments.map(({ from, to, way, macs }) => ({
    from,
    to,
    way: way === "owner" && macs >= minPoolMacs ? "pool" : way,
  }));
}

export interface StepTime {
  readonly step: number;
  readonly timeMs: number;
}

export class Runner {
  readonly binding: Binding;
  readonly pool: Pool | undefined;
  readonly segments: readonly Segment[];
  readonly #walker: Walker;
  readonly #reference: ReferenceRun;

  private constructor(
    binding: Binding,
    walker: Walker,
    pool: Pool | undefined,
    reference: ReferenceRun,
    minPoolMacs: number,
  ) {
    this.binding = binding;
    this.pool = pool;
    this.segments = cutSegments(binding.plan, pool === undefined ? Infinity : minPoolMacs);
    this.#walker = walker;
    this.#reference = reference;
  }

  /** @throws PoolError if the workers do not start */
  static async start(
    binding: Binding,
    reference: ReferenceRun,
    { createWorker, minPoolMacs = MIN_POOL_MACS }: RunnerOptions = {},
  ): Promise<Runner> {
    const walker = new Walker(binding.program, 0);
    const pool = binding.program.workers > 0 ? await Pool.start(walker, createWorker) : undefined;
    return new Runner(binding, walker, pool, reference, minPoolMacs);
  }

  /** Lane 0, without blocking the calling thread where the pool works. */
  async run(signal?: AbortSignal): Promise<void> {
    const cancel = () => this.#walker.abort(ABORT_REASON.cancelled);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      for (const segment of this.segments) {
        throwIfAborted(signal);
        if (segment.way === "pool") await this.pool!.runShared(segment.from, segment.to);
        else this.#runHere(segment, 0);
      }
      throwIfAborted(signal);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Lane 0, blocking. `canWait`: the calling thread may sleep; else it works alone. */
  runSync(canWait: boolean): void {
    for (const segment of this.segments) {
      if (segment.way === "pool" && canWait) this.pool!.runSharedSync(segment.from, segment.to);
      else this.#runHere(segment, 0);
    }
  }

  /** True if a whole inference can be given to one worker. */
  get canRunAlone(): boolean {
    return this.pool !== undefined && this.segments.every(({ way }) => way !== "reference");
  }

  async runAlone(worker: number, lane: number): Promise<void> {
    if (this.pool === undefined) throw new PoolError("expected a pool, this model has one thread");
    await this.pool.runAlone(worker, lane, 0, this.binding.plan.steps.length);
  }

  /** Lane 0 on the calling thread, every step timed. */
  runTimed(): StepTime[] {
    return this.binding.plan.steps.map((_, i) => {
      const start = performance.now();
      this.runStep(i);
      return { step: i, timeMs: performance.now() - start };
    });
  }

  /** One step of lane 0 on the calling thread. */
  runStep(index: number): void {
    const { kind } = this.binding.plan.steps[index]!;
    this.#runHere(
      { from: index, to: index + 1, way: kind === "kernel" ? "owner" : "reference" },
      0,
    );
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

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new CancelledError("the run was cancelled by its AbortSignal", { cause: signal.reason });
}
