/** Removes axes of extent 1. */
import { ShapeError } from "../errors.ts";
import { normalizeAxis } from "../tensor/index.ts";
import { checkCounts, requireInput } from "./checks.ts";
import { movedType, movementOperator } from "./movement.ts";
import { keepOrder } from "./reshape.ts";

export interface SqueezeAttributes {
  /** Axes to remove; empty: every axis of extent 1. */
  readonly axes: readonly number[];
}

export const squeeze = movementOperator<SqueezeAttributes>({
  name: "Squeeze",
  infer(inputs, attributes, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "a tensor");
    const axes = new Set(attributes.axes.map((axis) => normalizeAxis(axis, x.shape.length)));
    if (axes.size !== attributes.axes.length) {
      throw new ShapeError(`expected axes that differ, got [${attributes.axes.join(", ")}]`);
    }
    for (const axis of axes) {
      if (x.shape[axis] !== 1) {
        throw new ShapeError(`expected an extent of 1 at axis ${axis}, got ${x.shape[axis]}`);
      }
    }
    const all = axes.size === 0;
    const shape = x.shape.filter((extent, axis) => (all ? extent !== 1 : !axes.has(axis)));
    return [movedType(x, declared[0]!, shape)];
  },
  moves: keepOrder,
});
