/**
 * Walking the steps: the loop that every thread runs. It stays in JavaScript so that a kernel is
 * called anew for every tile and can tier up in the middle of a run.
 */
import { type KernelFunction, KernelInstance } from "../wasm/index.ts";
import {
  ABORT,
  ABORT_REASON,
  ABORT_STEP,
  ABORT_TILE,
  controlWords,
  doneWord,
  MAIL,
  mailboxWord,
  nextWord,
  type Program,
  STATE,
  STEP_WORDS,
} from "./protocol.ts";

/** Turns of polling before a thread sleeps: some 20 µs, longer than most steps differ. */
const SPIN_TURNS = 2000;
/** A sleeping thread looks at the abort word this often. */
const SLEEP_MS = 50;
/** Without any finished tile for this long, a thread is taken for lost. */
export const STALL_MS = 20_000;

/** One thread's view of a program. */
export class Walker {
  readonly program: Program;
  readonly control: Int32Array;
  readonly #kernels: readonly KernelFunction[];
  readonly #scratch: number;

  /** @param thread 0: the owner; w + 1: worker w */
  constructor(program: Program, thread: number) {
    this.program = program;
    const instance = new KernelInstance(program.modules, program.memory);
    this.#kernels = program.kernels.map((name) => instance.kernel(name));
    this.#scratch = program.scratchAddresses[thread]!;
    this.control = new Int32Array(
      program.memory.buffer,
      program.controlAddress,
      controlWords(program.workers, program.steps.length / STEP_WORDS),
    );
  }

  /** All tiles of the steps [from, to) on this thread. A trap propagates as thrown. */
  walkAlone(lane: number, from: number, to: number): void {
    for (let step = from; step < to; step++) this.runStep(lane, step);
  }

  /** All tiles of one step on this thread. */
  runStep(lane: number, step: number): void {
    const { steps, laneAddresses } = this.program;
    const kernel = this.#kernels[steps[step * STEP_WORDS]!]!;
    const parameters = laneAddresses[lane]! + steps[step * STEP_WORDS + 1]!;
    const tiles = steps[step * STEP_WORDS + 2]!;
    for (let tile = 0; tile < tiles; tile++) kernel(parameters, this.#scratch, tile);
  }

  /**
   * The steps [from, to) of lane 0 together with the other threads: tiles are claimed one by one,
   * a step begins when every tile of the one before is finished.
   * @returns false if the job was aborted
   */
  walkShared(from: number, to: number): boolean {
    const { steps, laneAddresses, workers } = this.program;
    const control = this.control;
    let step = from;
    let tile = 0;
    try {
      for (; step < to; step++) {
        const tiles = steps[step * STEP_WORDS + 2]!;
        const next = nextWord(workers, step);
        const done = doneWord(workers, step);
        const kernel = this.#kernels[steps[step * STEP_WORDS]!]!;
        const parameters = laneAddresses[0]! + steps[step * STEP_WORDS + 1]!;
        let finished = 0;
        while ((tile = Atomics.add(control, next, 1)) < tiles) {
          if (Atomics.load(control, ABORT) !== ABORT_REASON.none) return false;
          kernel(parameters, this.#scratch, tile);
          finished++;
        }
        if (finished > 0 && Atomics.add(control, done, finished) + finished === tiles) {
          if (Atomics.load(control, done + 1) > 0) Atomics.notify(control, done);
        } else if (!this.#await(done, tiles)) {
          return false;
        }
      }
      return true;
    } catch (error) {
      this.abort(ABORT_REASON.trap, step, tile);
      throw error;
    }
  }

  /** Makes every thread leave at its next tile. The first reason stays. */
  abort(reason: number, step = -1, tile = -1): void {
    const { control } = this;
    if (Atomics.compareExchange(control, ABORT, ABORT_REASON.none, reason) === ABORT_REASON.none) {
      Atomics.store(control, ABORT_STEP, step);
      Atomics.store(control, ABORT_TILE, tile);
    }
    const stepCount = this.program.steps.length / STEP_WORDS;
    for (let i = 0; i < stepCount; i++) Atomics.notify(control, doneWord(this.program.workers, i));
  }

  /** Spins, then sleeps, until `done` holds `tiles`. False on abort. */
  #await(done: number, tiles: number): boolean {
    const { control } = this;
    for (let turn = 0; turn < SPIN_TURNS; turn++) {
      if (Atomics.load(control, done) === tiles) return true;
    }
    Atomics.add(control, done + 1, 1);
    let last = -1;
    let lastChange = 0;
    try {
      for (;;) {
        const finished = Atomics.load(control, done);
        if (finished === tiles) return true;
        if (finished !== last) {
          last = finished;
          lastChange = performance.now();
        } else if (performance.now() - lastChange > STALL_MS) {
          this.abort(ABORT_REASON.lost);
        }
        if (Atomics.load(control, ABORT) !== ABORT_REASON.none) return false;
        Atomics.wait(control, done, finished, SLEEP_MS);
      }
    } finally {
      Atomics.sub(control, done + 1, 1);
    }
  }
}

/** The work is finished: who has not begun need not begin. */
export function withdrawOffers(control: Int32Array, workers: number): void {
  for (let w = 0; w < workers; w++) {
    const state = mailboxWord(w) + MAIL.state;
    if (Atomics.compareExchange(control, state, STATE.offered, STATE.idle) === STATE.offered) {
      Atomics.notify(control, state);
    }
  }
}
