/**
 * What the threads of one model say to each other: the control words in shared memory, and the two
 * messages of a worker's life. Nothing else crosses a thread boundary.
 *
 * Control region (int32 words, one 64-byte line each so that threads do not share a line):
 *
 *     line 0            abort reason (0: none), step and tile where it happened
 *     line 1 + w        mailbox of worker w
 *     line W + 2s       next tile of step s to be claimed
 *     line W + 2s + 1   tiles of step s that are finished, and the threads asleep on it
 */
const LINE_WORDS = 16;

export const ABORT = 0;
export const ABORT_STEP = 1;
export const ABORT_TILE = 2;

/** Why the threads left early. */
export const ABORT_REASON = { none: 0, trap: 1, cancelled: 2, lost: 3 } as const;

/** Words of a mailbox, relative to its line. */
export const MAIL = { wake: 0, state: 1, lane: 2, from: 3, to: 4, mode: 5 } as const;
/** `state`: the owner offers, the worker takes, works, is idle again; an offer may be withdrawn. */
export const STATE = { idle: 0, offered: 1, taken: 2 } as const;
/** `mode`: share the tiles of each step with the others, or do all of them alone. */
export const MODE = { shared: 0, alone: 1 } as const;

export function mailboxWord(worker: number): number {
  return (1 + worker) * LINE_WORDS;
}

export function nextWord(workers: number, step: number): number {
  return (1 + workers + 2 * step) * LINE_WORDS;
}

/** Word of the finished count; the word after it counts the sleepers. */
export function doneWord(workers: number, step: number): number {
  return nextWord(workers, step) + LINE_WORDS;
}

export function controlWords(workers: number, steps: number): number {
  return (1 + workers + 2 * steps) * LINE_WORDS;
}

/** Steps as flat words, three each: kernel index, byte offset of its block in a lane, tiles. */
export const STEP_WORDS = 3;
/** Kernel index of a step that is no kernel: it runs on the owner. */
export const NO_KERNEL = -1;

/** All that a thread needs to walk the steps. Structured-cloneable. */
export interface Program {
  readonly modules: readonly WebAssembly.Module[];
  readonly memory: WebAssembly.Memory;
  readonly kernels: readonly string[];
  readonly steps: Int32Array;
  readonly workers: number;
  readonly controlAddress: number;
  /** Address of the parameter blocks, per lane. */
  readonly laneAddresses: readonly number[];
  /** Address of the scratch of the owner, then of each worker. */
  readonly scratchAddresses: readonly number[];
}

/** Owner to worker, once. */
export interface StartMessage {
  readonly type: "start";
  readonly program: Program;
  readonly worker: number;
  /** Send `finished` after every job: the owner cannot wait for a word in memory. */
  readonly announce: boolean;
}

/** Worker to owner. */
export type WorkerMessage =
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "finished" };
