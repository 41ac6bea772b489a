/**
 * Where a layer with minifloat weights stores its results, and as what: float32, or what their readers
 * round them to. Where the output stage of a kernel cannot be proven to round alike, a step does it.
 */
import type { Minifloat } from "../../formats/index.ts";
import {
  type MinifloatOperand,
  UNIT_TABLE_BYTES,
  unitGrid,
  type UnitSteps,
  unitSteps,
  unitTable,
} from "../../kernels/index.ts";
import {
  floatActivationRange,
  inputUnit,
  integerUnit,
  layerMultipliers,
  layerValues,
  type OutputAttributes,
} from "../../operators/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import type { LowerContext, Rows } from "./context.ts";
import { largestOf, type UnitForm } from "./minifloat-bounds.ts";
import { roundStep } from "./minifloat-codes.ts";
import { outputForm } from "./minifloat-forms.ts";
import { operandFlip } from "./minifloat-operands.ts";
import { isNeverNegative } from "./minifloat-signs.ts";

/** What the step of a layer's product takes from here. */
export interface LayerResults {
  /** Where row 0 of the results begins, and the bytes from row to row. */
  readonly y: Rows;
  /** 1: units of what the readers round to; 4: float32. */
  readonly elementBytes: 1 | 4;
  /** Of units: multipliers and biases in place of those of float32. */
  readonly steps?: UnitSteps;
  /** Fields of the output stage. */
  readonly fields: Readonly<Record<string, number | Pointer>>;
  /** Appends what is left to do when the results are stored. */
  readonly finish: () => void;
}

/**
 * Where the rows of the context's node go, `channels` results each.
 * @param operand the form in which the kernel reads x
 * @param isApart float32 results too may be stored with gaps between their rows
 */
export function layerResults(
  context: LowerContext,
  operand: MinifloatOperand,
  attributes: OutputAttributes,
  channels: number,
  isApart: boolean,
): LayerResults {
  const floats = { elementBytes: 4, fields: { rule: 0 } } as const;
  const form = outputForm(context);
  if (form === undefined) {
    const stride = 4 * channels;
    const y = isApart ? context.outputRows(0, stride) : { pointer: context.output(0), stride };
    return { ...floats, y, finish: () => undefined };
  }
  const steps = operand === "x8" ? stepsOf(context, attributes, channels, form) : undefined;
  if (steps !== undefined) {
    const grid = unitGrid(form.format)!;
    const table = unitTable(grid, steps, operandFlip(context));
    return {
      y: context.outputRows(0, channels),
      elementBytes: 1,
      steps,
      fields: {
        rule: grid.rule,
        low: steps.low,
        high: steps.high,
        flip: operandFlip(context),
        unitTable: context.addConstant("units", UNIT_TABLE_BYTES, (target) => target.set(table)),
      },
      finish: () => undefined,
    };
  }
  const count = elementCount(context.outputs[0]!.shape);
  const y = context.temporary("float32 results", count * 4);
  const finish = (): void =>
    roundStep(context, "x8", {
      ...{ x: y, y: context.output(0), count, ...form },
      largest: largestOf(context.graph, context.node.outputs[0]!),
    });
  return { ...floats, y: { pointer: y, stride: 4 * channels }, finish };
}

/** Undefined: the layer stores float32, and a step rounds it. */
function stepsOf(
  context: LowerContext,
  { activation }: OutputAttributes,
  channels: number,
  { format, scale }: UnitForm,
): UnitSteps | undefined {
  if (context.machine.isFused === false) return undefined;
  const [x, type] = context.inputs;
  const own = inputUnit(x!.format)!;
  const unit = own * integerUnit(type!.format)!;
  const largest = (x!.format as Minifloat).max * own;
  const least = isNeverNegative(context.graph, context.node.inputs[0]!) ? 0 : -largest;
  const multipliers = layerMultipliers(x!, type!, channels);
  const bias = context.constant(2)?.data as Float32Array | undefined;
  const sums = sumRanges(context, channels, [least, largest]);
  return unitSteps(
    sums.map((range, c) => ({ m: multipliers[c]! / unit, b: bias?.[c] ?? 0, ...range })),
    { format, scale, ...floatActivationRange(activation) },
  );
}

/** The ranges of the sums of w · x in integers, of every channel. */
function sumRanges(
  context: LowerContext,
  channels: number,
  [least, most]: readonly [number, number],
): { least: number; most: number }[] {
  const w = context.constant(1)!;
  const unit = integerUnit(w.type.format)!;
  const values = layerValues(w);
  const isLast = context.node.operator.name === "DepthwiseConv2D";
  const depth = values.length / channels;
  return Array.from({ length: channels }, (_, c) => {
    let low = 0;
    let high = 0;
    for (let k = 0; k < depth; k++) {
      const own = values[isLast ? k * channels + c : c * depth + k]! * unit;
      low += own * (own > 0 ? least : most);
      high += own * (own > 0 ? most : least);
    }
    return { least: low, most: high };
  });
}
