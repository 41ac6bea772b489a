/**
 * Live-range memory planning: every buffer gets an offset in one arena so that no two buffers that
 * live at the same step overlap. Greedy by size, lowest gap that fits (Pisarchyk & Lee,
 * arXiv 2001.03288, "greedy by size"), tried beside two other orders where the buffers are few; the
 * smallest arena wins.
 */
import type { BufferPlan } from "./plan.ts";

export const ARENA_ALIGNMENT = 64;

/** From here on only the order of steps is tried: the others compare every pair. */
const MANY_BUFFERS = 4096;

export interface ArenaPlan {
  readonly offsets: readonly number[];
  readonly arenaBytes: number;
  /** Largest sum of live bytes over the steps: no arena can be smaller. */
  readonly lowerBound: number;
}

type Interval = Pick<BufferPlan, "sizeBytes" | "firstStep" | "lastStep">;

export function planArena(buffers: readonly Interval[]): ArenaPlan {
  const sizes = buffers.map((buffer) => align(buffer.sizeBytes));
  const indices = buffers.map((_, i) => i);
  const span = (i: number) => buffers[i]!.lastStep - buffers[i]!.firstStep;
  const byStep = indices.toSorted(
    (a, b) => buffers[a]!.firstStep - buffers[b]!.firstStep || sizes[b]! - sizes[a]!,
  );
  const bySize = [
    indices.toSorted((a, b) => sizes[b]! - sizes[a]! || a - b),
    indices.toSorted((a, b) => sizes[b]! * span(b) - sizes[a]! * span(a) || a - b),
  ];
  const orders = buffers.length > MANY_BUFFERS ? [byStep] : [...bySize, byStep];
  const tried = orders.map((order) => place(buffers, sizes, order, order === byStep));
  const best = tried.reduce((a, b) => (b.arenaBytes < a.arenaBytes ? b : a));
  return { ...best, lowerBound: lowerBound(buffers, sizes) };
}

function align(bytes: number): number {
  return Math.ceil(bytes / ARENA_ALIGNMENT) * ARENA_ALIGNMENT;
}

function place(
  buffers: readonly Interval[],
  sizes: readonly number[],
  order: readonly number[],
  inStepOrder: boolean,
): { offsets: number[]; arenaBytes: number } {
  const offsets = new Array<number>(buffers.length).fill(0);
  /** By offset, those of one offset in the order in which they were placed. */
  let placed: number[] = [];
  let arenaBytes = 0;
  for (const i of order) {
    const { firstStep, lastStep } = buffers[i]!;
    const lives = (j: number): boolean =>
      buffers[j]!.firstStep <= lastStep && buffers[j]!.lastStep >= firstStep;
    const neighbours = placed.every(lives) ? placed : placed.filter(lives);
    // In the order of steps, what has ended is never a neighbour again.
    if (inStepOrder) placed = neighbours;
    let bestGap = Infinity;
    let offset = 0;
    let end = 0;
    for (const j of neighbours) {
      const gap = offsets[j]! - end;
      if (gap >= sizes[i]! && gap < bestGap) {
        bestGap = gap;
        offset = end;
      }
      end = Math.max(end, offsets[j]! + sizes[j]!);
    }
    if (bestGap === Infinity) offset = end;
    offsets[i] = offset;
    placed.splice(placed.findLastIndex((j) => offsets[j]! <= offset) + 1, 0, i);
    arenaBytes = Math.max(arenaBytes, offset + sizes[i]!);
  }
  return { offsets, arenaBytes };
}

function lowerBound(buffers: readonly Interval[], sizes: readonly number[]): number {
  const changes = new Map<number, number>();
  const add = (step: number, bytes: number) => changes.set(step, (changes.get(step) ?? 0) + bytes);
  buffers.forEach(({ firstStep, lastStep }, i) => {
    add(firstStep, sizes[i]!);
    add(lastStep + 1, -sizes[i]!);
  });
  let live = 0;
  let most = 0;
  for (const step of [...changes.keys()].toSorted((a, b) => a - b)) {
    live += changes.get(step)!;
    most = Math.max(most, live);
  }
  return most;
}
