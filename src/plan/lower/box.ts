/** A strided move brought into the form that the copy kernels take: few axes, in bytes. */
import type { Move } from "../../operators/index.ts";

/** One axis of a box: extent, and strides of both sides in bytes. */
export interface BoxAxis {
  readonly n: number;
  readonly xs: number;
  readonly ys: number;
}

/**
 * The axes of a move without those of extent 1, neighbours joined where both sides step through them
 * as through one axis. Empty for a single element. Undefined if nothing moves.
 */
export function boxAxes({ shape, from, to }: Move, width: number): BoxAxis[] | undefined {
  if (shape.includes(0)) return undefined;
  const axes: BoxAxis[] = [];
  shape.forEach((n, i) => {
    if (n === 1) return;
    const xs = from.strides[i]! * width;
    const ys = to.strides[i]! * width;
    const outer = axes.at(-1);
    if (outer !== undefined && outer.xs === xs * n && outer.ys === ys * n) {
      axes[axes.length - 1] = { n: outer.n * n, xs, ys };
    } else {
      axes.push({ n, xs, ys });
    }
  });
  return axes;
}

/** Axes of the kernels' boxes. */
const RANK = 6;

/** Fields n0 … ys5 of a parameter block; missing outer axes have extent 1. */
export function boxFields(axes: readonly BoxAxis[]): Record<string, number> {
  const fields: Record<string, number> = {};
  for (let i = 0; i < RANK; i++) {
    const { n, xs, ys } = axes[i - RANK + axes.length] ?? { n: 1, xs: 0, ys: 0 };
    fields[`n${i}`] = n;
    fields[`xs${i}`] = xs;
    fields[`ys${i}`] = ys;
  }
  return fields;
}

/** At most as many axes as the kernels take. */
export function fitsBox(axes: readonly BoxAxis[]): boolean {
  return axes.length <= RANK;
}
