/** Sums in float32 that layers read rounded: stored as units, and as they are for others, by the step that adds. */
import { type AddAttributes, floatActivationRange } from "../../operators/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { flipMask, splitCodes, unitFields } from "./minifloat-codes.ts";
import { encodedForm, outputForm, roundedBeside } from "./minifloat-forms.ts";

/** Appends the step of a sum that is stored in units; false: it is not. */
export function addUnits(context: LowerContext, { activation }: AddAttributes): boolean {
  const own = outputForm(context);
  const beside = roundedBeside(context, context.node.outputs[0]!);
  const form = own ?? (beside && encodedForm(context, beside));
  if (form === undefined) return false;
  const count = elementCount(context.outputs[0]!.shape);
  if (own === undefined && !context.overwrite(0, 0)) context.overwrite(0, 1);
  const { tileCount, tiles } = splitCodes(count);
  context.step({
    kernel: "add_f32_units_i8",
    fields: {
      ...unitFields(form),
      flip: flipMask(context),
      ...{ x: context.input(0), other: context.input(1), count, tileCount },
      sums: own === undefined ? context.output(0) : 0,
      y: beside === undefined ? context.output(0) : context.expanded(beside.outputs[0]!, count),
      ...floatActivationRange(activation),
    },
    tiles,
    note: `${form.format.name} as x8`,
  });
  return true;
}
