/** A loaded model: tensors in, inference, tensors out, recovery, disposal. */
// Kept in the declarations: the library of a project may be older than `await using`.
/// <reference lib="esnext.disposable" preserve="true" />
import { ClosedError, InputError, kindOf, PoolError, throwIfAborted } from "../errors.ts";
import { type Graph, inputNamesOf, outputNamesOf, type ValueId } from "../graph/index.ts";
import type { Plan } from "../plan/index.ts";
import type { Rounding } from "../quantization/index.ts";
import type { Runner } from "../schedule/index.ts";
import { describeTensor, type Feeds, type TensorInfo } from "./feeds.ts";
import { Health } from "./health.ts";
import { Lane, type Results } from "./lane.ts";
import { checkSignal } from "./options.ts";
import { describeSteps, type MemoryUse, memoryUse, type StepInfo } from "./report.ts";

/** When the parts of one run on the calling thread began, by `performance.now()`. */
export interface RunTimes {
  /** The check and the writing of the inputs, every step, the reading of the outputs, the end. */
  readonly marks: readonly number[];
}

export interface RunOptions {
  /** Gives up between tiles: the promise rejects with CancelledError. */
  readonly signal?: AbortSignal;
}

/** What a model needs to (re)build its memory and threads. */
export interface Engine {
  readonly graph: Graph;
  readonly plan: Plan;
  readonly rounding: Rounding;
  readonly isa: "simd128" | "relaxed";
  start(reference: (node: number, lane: number) => void): Promise<Runner>;
  /** The calling thread may sleep (Node, workers); a browser's main thread may not. */
  readonly canWait: boolean;
  readonly diagnostics: readonly string[];
}

export class Model {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #engine: Engine;
  #runner: Runner;
  #lanes: readonly Lane[] = [];
  /** Runs queue in order behind this promise. */
  #tail: Promise<unknown> = Promise.resolve();
  #pending = 0;
  readonly #health = new Health();
  #closing: Promise<void> | undefined;

  private constructor(engine: Engine) {
    const { graph } = engine;
    const describe = (ids: readonly ValueId[], names: readonly string[]) =>
      ids.map((id, i) => describeTensor(names[i]!, graph.values[id]!.type));
    this.inputs = describe(graph.inputs, inputNamesOf(graph));
    this.outputs = describe(graph.outputs, outputNamesOf(graph));
    this.#engine = engine;
    this.#runner = undefined as never;
  }

  /** Used by `load`. */
  static async create(engine: Engine): Promise<Model> {
    const model = new Model(engine);
    await model.#start();
    return model;
  }

  /** Free text of the file, and notes of loading (fallbacks taken). */
  get metadata(): ReadonlyMap<string, string> {
    return this.#engine.graph.metadata;
  }

  get diagnostics(): readonly string[] {
    return this.#engine.diagnostics;
  }

  /**
   * One inference. Does not block the calling thread while worker threads compute; without them it is
   * over when the promise is returned. Calls are answered in order.
   * @param feeds elements by input name (one bare array for a model with one input): raw codes of
   *   the input's dtype, or a Float32Array of real values for a quantized input. They are read when the
   *   run's turn comes: leave them alone until the promise settles.
   * @throws InputError, CancelledError, PoolError (the next run works on a new pool), ClosedError
   */
  run(feeds: Feeds, options?: RunOptions): Promise<Results> {
    const signal = options?.signal;
    if (this.#pending === 0 && !this.#runner?.hasSharedSegment && signal === undefined) {
      return this.#atOnce(() => this.runSync(feeds));
    }
    return this.#enqueue(async () => {
      checkSignal(signal);
      this.#lanes[0]!.write(feeds);
      try {
        await this.#runner.run(signal);
      } catch (error) {
        await this.#recover(error);
        throw error;
      }
      return this.#lanes[0]!.read();
    });
  }

  /**
   * One inference that blocks. On a browser's main thread it runs on that thread alone.
   * @throws InputError (also while `run` calls are pending), PoolError, ClosedError
   */
  runSync(feeds: Feeds): Results {
    this.#checkOpen();
    if (this.#pending > 0) {
      throw new InputError("runSync: expected no pending run, await the calls of run() first");
    }
    this.#health.check();
    this.#lanes[0]!.write(feeds);
    try {
      this.#runner.runSync(this.#engine.canWait);
    } catch (error) {
      // The rebuild is asynchronous: it goes to the head of the queue.
      void this.#enqueue(() => this.#recover(error)).catch(() => undefined);
      throw error;
    }
    return this.#lanes[0]!.read();
  }

  /**
   * Many inferences for throughput: inputs are spread over the worker threads, one lane each.
   * Results in the order of the inputs, equal to those of `run`.
   * @throws as `run`; nothing is answered where one input is refused
   */
  async runBatch(inputs: readonly Feeds[], options?: RunOptions): Promise<Results[]> {
    this.#checkOpen();
    const signal = options?.signal;
    checkSignal(signal);
    if (!Array.isArray(inputs)) {
      throw new InputError(`runBatch: expected an array of inputs, got ${kindOf(inputs)}`);
    }
    const lanes = Math.min(
      this.#runner.pool?.size ?? 0,
      this.#runner.binding.layout.laneAddresses.length,
    );
    if (lanes < 2 || !this.#runner.canRunAlone) {
      return Promise.all(inputs.map((feeds) => this.run(feeds, options)));
    }
    return this.#enqueue(async () => {
      const results = new Array<Results>(inputs.length);
      let next = 0;
      const serve = async (lane: number) => {
        for (let i = next++; i < inputs.length; i = next++) {
          throwIfAborted(signal, "the run");
          this.#lanes[lane]!.write(inputs[i]!);
          await this.#runner.runAlone(lane, lane);
          results[i] = this.#lanes[lane]!.read();
        }
      };
      const served = await Promise.allSettled(
        Array.from({ length: lanes }, (_, lane) => serve(lane)),
      );
      const failed = served.find((outcome) => outcome.status === "rejected");
      if (failed !== undefined) {
        await this.#recover(failed.reason);
        throw failed.reason;
      }
      return results;
    });
  }

  /** A run on the calling thread that looks at the clock before and after every one of `steps()`. */
  profile(feeds: Feeds): Promise<RunTimes> {
    const job = () => this.#profile(feeds);
    return this.#pending === 0 ? this.#atOnce(job) : this.#enqueue(async () => job());
  }

  /** What the steps of a run are. */
  steps(): readonly StepInfo[] {
    return describeSteps(this.#engine.graph, this.#engine.plan);
  }

  memory(): MemoryUse {
    this.#checkOpen();
    return memoryUse(this.#engine.plan, this.#runner);
  }

  /** The plan, for printing. */
  get plan(): Plan {
    return this.#engine.plan;
  }

  get graph(): Graph {
    return this.#engine.graph;
  }

  /** Instruction set of the kernels. */
  get isa(): "simd128" | "relaxed" {
    return this.#engine.isa;
  }

  /** Threads that work on one inference. */
  get threads(): number {
    this.#checkOpen();
    return Math.max(1, this.#runner.pool?.size ?? 1);
  }

  /** Waits for pending runs, ends the threads, lets go of the memory. Twice is allowed. */
  dispose(): Promise<void> {
    return (this.#closing ??= this.#end());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** For fault-injection tests: the runner of the moment. */
  get runner(): Runner {
    return this.#runner;
  }

  /** What blocks, behind a promise: what it throws rejects. */
  #atOnce<T>(job: () => T): Promise<T> {
    try {
      return Promise.resolve(job());
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  #enqueue<T>(job: () => Promise<T>): Promise<T> {
    try {
      this.#checkOpen();
    } catch (error) {
      return Promise.reject(error as Error);
    }
    this.#pending++;
    const result = this.#tail.then(() => {
      this.#health.check();
      return job();
    });
    this.#tail = result.then(
      () => this.#pending--,
      () => this.#pending--,
    );
    return result;
  }

  #checkOpen(): void {
    if (this.#closing !== undefined)
      throw new ClosedError("expected an open model, it was disposed");
  }

  async #end(): Promise<void> {
    await this.#tail;
    await this.#runner.terminate();
    this.#runner = undefined as never;
  }

  async #start(): Promise<void> {
    this.#runner = await this.#engine.start((node, lane) => this.#lanes[lane]!.runReference(node));
    const { graph, rounding } = this.#engine;
    const { inputs, outputs } = this;
    const { binding } = this.#runner;
    const owner = { graph, rounding, inputs, outputs };
    this.#lanes = binding.layout.arenaAddresses.map((_, lane) => new Lane(owner, binding, lane));
  }

  /** After a trap or a lost thread nothing of the memory is used again. */
  async #recover(error: unknown): Promise<void> {
    const trapped = error instanceof WebAssembly.RuntimeError;
    if (!trapped && !(error instanceof PoolError) && this.#runner.pool?.isBroken !== true) return;
    this.#health.noteFailure();
    await this.#runner.terminate();
    await this.#start();
  }

  #profile(feeds: Feeds): RunTimes {
    this.#checkOpen();
    const marks = [performance.now()];
    this.#lanes[0]!.write(feeds);
    this.#runner.runTimed(marks);
    this.#lanes[0]!.read();
    marks.push(performance.now());
    return { marks };
  }
}
