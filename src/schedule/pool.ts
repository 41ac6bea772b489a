/** The owner's side of the worker threads: start, offer jobs, wait with limits, end. */
import { PoolError } from "../errors.ts";
import { startWorker, type WorkerFactory, type WorkerHandle } from "./host.ts";
import {
  ABORT,
  ABORT_REASON,
  ABORT_STEP,
  ABORT_TILE,
  doneWord,
  MAIL,
  mailboxWord,
  MODE,
  nextWord,
  type Program,
  STATE,
} from "./protocol.ts";
import { STALL_MS, type Walker, withdrawOffers } from "./walk.ts";

const START_TIMEOUT_MS = 10_000;
const POLL_MS = 250;
const SPIN_TURNS = 2000;

export class Pool {
  readonly program: Program;
  readonly #walker: Walker;
  readonly #workers: readonly WorkerHandle[];
  #lostReason: string | undefined;
  /** Resolves the waits of `#idle` when a worker reports or dies. */
  readonly #waits = new Set<() => void>();
  /** Jobs under way: they keep the process alive, idle workers do not. */
  #jobs = 0;

  private constructor(walker: Walker, workers: readonly WorkerHandle[]) {
    this.program = walker.program;
    this.#walker = walker;
    this.#workers = workers;
  }

  /** @throws PoolError if a worker does not report in time */
  static async start(walker: Walker, factory?: WorkerFactory): Promise<Pool> {
    const handles: WorkerHandle[] = [];
    const announce = typeof Atomics.waitAsync !== "function";
    try {
      for (let w = 0; w < walker.program.workers; w++) handles.push(startWorker(factory));
      const pool = new Pool(walker, handles);
      await Promise.all(handles.map((handle, w) => pool.#open(handle, w, announce)));
      return pool;
    } catch (cause) {
      await Promise.allSettled(handles.map((handle) => handle.terminate()));
      if (cause instanceof PoolError) throw cause;
      throw new PoolError(`expected ${walker.program.workers} workers to start: ${String(cause)}`, {
        cause,
      });
    }
  }

  #open(handle: WorkerHandle, worker: number, announce: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(new PoolError(`worker ${worker}: expected ready within ${START_TIMEOUT_MS} ms`)),
        START_TIMEOUT_MS,
      );
      handle.hold(true);
      handle.onMessage((message) => {
        if (message.type === "failed") this.#lose(`worker ${worker}: ${message.message}`);
        if (message.type !== "finished") {
          clearTimeout(timer);
          handle.hold(false);
        }
        if (message.type === "ready") resolve();
        else this.#wakeOwner();
      });
      handle.onLost((reason) => {
        clearTimeout(timer);
        this.#lose(`worker ${worker} is gone: ${reason}`);
        reject(new PoolError(`worker ${worker}: expected to start, got ${reason}`));
      });
      handle.post({ type: "start", program: this.program, worker, announce });
    });
  }

  /** A thread is lost: this pool and its memory must not be used again. */
  get isBroken(): boolean {
    return this.#lostReason !== undefined;
  }

  get size(): number {
    return this.#workers.length;
  }

  /** For fault-injection tests: the threads themselves. */
  get handles(): readonly WorkerHandle[] {
    return this.#workers;
  }

  /** The steps [from, to) of lane 0 by all workers; the calling thread stays free. */
  async runShared(from: number, to: number): Promise<void> {
    this.#reset(from, to);
    for (let w = 0; w < this.size; w++) this.#offer(w, MODE.shared, 0, from, to);
    await this.#hold(async () => {
      for (let w = 0; w < this.size; w++) await this.#idle(w);
    });
    this.#check();
  }

  /** The same, the calling thread working as well and blocking until the end. */
  runSharedSync(from: number, to: number): void {
    this.#reset(from, to);
    for (let w = 0; w < this.size - 1; w++) this.#offer(w, MODE.shared, 0, from, to);
    const finished = this.#walker.walkShared(from, to);
    withdrawOffers(this.#walker.control, this.size);
    for (let w = 0; w < this.size - 1; w++) this.#idleSync(w);
    if (!finished) this.#check();
  }

  /** All tiles of the steps [from, to) of one lane by one worker. */
  async runAlone(worker: number, lane: number, from: number, to: number): Promise<void> {
    if (this.#jobs === 0) this.#reset(from, from);
    this.#offer(worker, MODE.alone, lane, from, to);
    await this.#hold(() => this.#idle(worker));
    this.#check();
  }

  async terminate(): Promise<void> {
    this.#lostReason ??= "closed";
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #reset(from: number, to: number): void {
    const { control } = this.#walker;
    if (this.#lostReason !== undefined) throw new PoolError(this.#lostReason);
    Atomics.store(control, ABORT, ABORT_REASON.none);
    for (let step = from; step < to; step++) {
      control[nextWord(this.size, step)] = 0;
      control[doneWord(this.size, step)] = 0;
    }
  }

  #offer(worker: number, mode: number, lane: number, from: number, to: number): void {
    const { control } = this.#walker;
    const mail = mailboxWord(worker);
    control[mail + MAIL.mode] = mode;
    control[mail + MAIL.lane] = lane;
    control[mail + MAIL.from] = from;
    control[mail + MAIL.to] = to;
    Atomics.store(control, mail + MAIL.state, STATE.offered);
    Atomics.add(control, mail + MAIL.wake, 1);
    Atomics.notify(control, mail + MAIL.wake);
  }

  /** Waits until a worker is idle, without blocking. Ends early when a thread is lost. */
  async #idle(worker: number): Promise<void> {
    const { control } = this.#walker;
    const word = mailboxWord(worker) + MAIL.state;
    const watch = new StallWatch(control);
    for (;;) {
      const state = Atomics.load(control, word);
      if (state === STATE.idle || this.#lostReason !== undefined) break;
      if (watch.isStalled()) this.#lose(`worker ${worker}: no progress for ${STALL_MS} ms`);
      await this.#sleep(word, state);
    }
  }

  /** Until the word changes, a worker reports or dies, or POLL_MS are over. */
  async #sleep(word: number, value: number): Promise<void> {
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    this.#waits.add(wake);
    try {
      if (typeof Atomics.waitAsync === "function") {
        const waiting = Atomics.waitAsync(this.#walker.control, word, value, POLL_MS);
        if (waiting.async) await Promise.race([waiting.value, woken]);
      } else {
        const timer = new Promise<void>((resolve) => setTimeout(resolve, POLL_MS));
        await Promise.race([woken, timer]);
      }
    } finally {
      this.#waits.delete(wake);
    }
  }

  #idleSync(worker: number): void {
    const { control } = this.#walker;
    const word = mailboxWord(worker) + MAIL.state;
    const watch = new StallWatch(control);
    for (let turn = 0; turn < SPIN_TURNS; turn++) {
      if (Atomics.load(control, word) === STATE.idle) return;
    }
    for (;;) {
      const state = Atomics.load(control, word);
      if (state === STATE.idle) return;
      if (watch.isStalled()) {
        this.#lose(`worker ${worker}: no progress for ${STALL_MS} ms`);
        this.#check();
      }
      Atomics.wait(control, word, state, POLL_MS);
    }
  }

  #lose(reason: string): void {
    this.#lostReason ??= reason;
    this.#walker.abort(ABORT_REASON.lost);
    this.#wakeOwner();
  }

  /** @throws PoolError if the job was not finished */
  #check(): void {
    const { control } = this.#walker;
    const reason = Atomics.load(control, ABORT);
    if (reason === ABORT_REASON.lost) this.#lostReason ??= `no progress for ${STALL_MS} ms`;
    if (reason === ABORT_REASON.trap) {
      const place = `step ${Atomics.load(control, ABORT_STEP)}, tile ${Atomics.load(control, ABORT_TILE)}`;
      this.#lostReason ??= `a kernel trapped at ${place}`;
      throw new PoolError(`a kernel trapped at ${place}: the pool is discarded`);
    }
    if (this.#lostReason !== undefined) throw new PoolError(this.#lostReason);
  }

  #wakeOwner(): void {
    for (const wake of this.#waits) wake();
  }

  async #hold(job: () => Promise<void>): Promise<void> {
    if (this.#jobs++ === 0) for (const worker of this.#workers) worker.hold(true);
    try {
      await job();
    } finally {
      if (--this.#jobs === 0) for (const worker of this.#workers) worker.hold(false);
    }
  }
}

/** Sees whether any counter of the control region moves. */
class StallWatch {
  readonly #control: Int32Array;
  #sum = NaN;
  #since = performance.now();

  constructor(control: Int32Array) {
    this.#control = control;
  }

  isStalled(): boolean {
    const now = performance.now();
    if (now - this.#since < POLL_MS) return false;
    const sum = this.#total();
    if (sum !== this.#sum) {
      this.#sum = sum;
      this.#since = now;
    }
    return now - this.#since > STALL_MS;
  }

  #total(): number {
    let sum = 0;
    for (const word of this.#control) sum += word;
    return sum;
  }
}
