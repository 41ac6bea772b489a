/**
 * Where a layer with minifloat weights stores its results, and as what: float32, or what their readers
 * round them to. Where the output stage of a kernel cannot be proven to round alike, a step does it.
 */
import {
  type MinifloatOperand,
  unitGrid,
  UNITS_RULE,
  type UnitSteps,
  unitSteps,
} from "../../kernels/index.ts";
import {
  floatActivationRange,
  inputUnit,
  integerUnit,
  layerMultipliers,
  type OutputAttributes,
} from "../../operators/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { LowerContext, Rows } from "./context.ts";
import { largestOf, type UnitForm } from "./minifloat-bounds.ts";
import { roundStep } from "./minifloat-codes.ts";
import { outputForm } from "./minifloat-forms.ts";
import { operandFlip } from "./minifloat-operands.ts";

export interface LayerResults {
  readonly y: Rows;
  readonly elementBytes: 1 | 4;
  /** Of units: multipliers and biases in place of those of float32. */
  readonly steps?: UnitSteps;
  /** Fields of the output stage. */
  readonly fields: Readonly<Record<string, number>>;
  /** Appends what is left to do when the results are stored. */
  readonly finish: () => void;
}

/**
 * @param depth products of one sum
 * @param isApart float32 results too may be stored with gaps between their rows
 */
export function layerResults(
  context: LowerContext,
  operand: MinifloatOperand,
  attributes: OutputAttributes,
  channels: number,
  depth: number,
  isApart: boolean,
): LayerResults {
  const floats = { elementBytes: 4, fields: { rule: 0 } } as const;
  const form = outputForm(context);
  if (form === undefined) {
    const stride = 4 * channels;
    const y = isApart ? context.outputRows(0, stride) : { pointer: context.output(0), stride };
    return { ...floats, y, finish: () => undefined };
  }
  const steps = operand === "x8" ? stepsOf(context, attributes, channels, depth, form) : undefined;
  if (steps !== undefined) {
    return {
      y: context.outputRows(0, channels),
      elementBytes: 1,
      steps,
      fields: {
        rule: UNITS_RULE,
        low: steps.low,
        high: steps.high,
        flip: operandFlip(context),
        finest: unitGrid(form.format)!.finest,
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

function stepsOf(
  context: LowerContext,
  { activation }: OutputAttributes,
  channels: number,
  depth: number,
  { format, scale }: UnitForm,
): UnitSteps | undefined {
  const [x, w] = context.inputs;
  const units = [inputUnit(x!.format)!, integerUnit(w!.format)!] as const;
  const unit = units[0] * units[1];
  const multipliers = layerMultipliers(x!, w!, channels).map((own) => own / unit);
  const bias = context.constant(2)?.data as Float32Array | undefined;
  const reach = depth * x!.format.max * w!.format.max * unit;
  return unitSteps(multipliers, bias, {
    ...{ format, scale, reach },
    ...floatActivationRange(activation),
  });
}
