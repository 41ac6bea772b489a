/**
 * DepthwiseConv2D with minifloat weights. FP6 E2M3 and FP4 E2M1 whose results are rounded as they are stored:
 * the relaxed dot on weights as int8 (`assembly/depthwise-minifloat.ts`). All others: the float32 kernel on
 * weights that are decoded at load, from sums of +0, then scale, bias and clamp; sums of FP4 and FP6
 * are exact in any order.
 */
import {
  CHUNKED_OPERAND_BYTES,
  CHUNKED_SCRATCH_BYTES,
  depthwisePlanes,
  depthwiseQuadBytes,
  packDepthwiseFloats,
  packDepthwiseQuads,
  type UnitSteps,
} from "../../kernels/index.ts";
import {
  type AccumulateAttributes,
  type DepthwiseConv2DAttributes,
  type DepthwiseGeometry,
  depthwiseGeometry,
  inputUnit,
  integerUnit,
  layerValues,
} from "../../operators/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import { sumFields } from "./chunked-step.ts";
import type { LowerContext, Rows, StepRequest } from "./context.ts";
import { foldedBias, placement } from "./depthwise-placement.ts";
import { layerInput } from "./minifloat-layers.ts";
import { operandFlip, operandOfLayer } from "./minifloat-operands.ts";
import { type LayerResults, layerResults } from "./minifloat-results.ts";
import { roundingOf, scaleRows } from "./minifloat-sums.ts";
import { splitBytes } from "./unary.ts";

export function lowerMinifloatDepthwise(
  context: LowerContext,
  attributes: DepthwiseConv2DAttributes,
): boolean {
  const operand = operandOfLayer(context, context.node);
  if (operand === undefined) return false;
  const geometry = depthwiseGeometry(context.inputs[0]!, context.inputs[1]!, attributes);
  const { batch, output, outputChannels: channels } = geometry;
  const x = layerInput(context, operand);
  const rows = batch * output[0] * output[1];
  if (attributes.accumulate !== undefined) {
    const sums = context.temporary("sums", rows * channels * 4);
    lowerChunked(
      between(context, x, { pointer: sums, stride: 4 * channels }),
      geometry,
      attributes.accumulate,
    );
    scaleRows(context, attributes, { sums, y: context.output(0) }, rows, channels);
    return true;
  }
  const results = layerResults(context, operand, attributes, channels, false);
  if (results.steps !== undefined) {
    lowerQuads(between(context, x, results.y), geometry, results.steps, results.fields);
    return true;
  }
  const sums = context.temporary("sums", rows * channels * 4);
  const floats = operand === "x8" ? openValues(context, x) : x;
  lowerFloats(between(context, floats, { pointer: sums, stride: 4 * channels }), geometry);
  scaleRows(context, attributes, { sums, y: results.y.pointer }, rows, channels);
  results.finish();
  return true;
}

/** The context with other places. */
function between(context: LowerContext, x: Pointer, y: Rows): LowerContext {
  return { ...context, input: () => x, outputRows: () => y };
}

function lowerQuads(
  context: LowerContext,
  geometry: DepthwiseGeometry,
  { starts, multipliers, biases }: UnitSteps,
  { rule, low, high, unitTable }: LayerResults["fields"],
): void {
  const { filter, outputChannels: channels, strides, dilations, output } = geometry;
  const [height, width] = filter;
  const w = context.constant(1)!;
  const unit = integerUnit(w.type.format)!;
  const weights = Int8Array.from(layerValues(w), (value) => value * unit);
  const filters = { weights, height, width, channels };
  const hasPairs =
    strides[0] === 1 &&
    strides[1] === 1 &&
    dilations[0] === 1 &&
    output[0] > 1 &&
    context.forced !== "depthwise_x8_w8_4x8c4_relaxed";
  const rows = hasPairs ? 2 : 1;
  const planes = depthwisePlanes(height, rows);
  const padCode = operandFlip(context);
  const groupBytes = depthwiseQuadBytes(filters, rows, true);
  const size = Math.ceil(channels / 8) * 2 * groupBytes;
  const start = foldedBias(starts, weights, padCode, channels);
  const panels = context.addConstant("weights", size, (target) =>
    packDepthwiseQuads(target, filters, start, multipliers, rows, biases),
  );
  const fields = {
    ...{ panels, panelBytes: 2 * groupBytes, filterSteps: planes * width, padCode },
    ...{ rule: rule!, low: low!, high: high!, unitTable: unitTable! },
    ...{ inputFlip: 0, outputFlip: 0, zeroPoint: 0, lowLimit: 0, highLimit: 0 },
  };
  context.step({
    kernel: `depthwise_x8_w8_${hasPairs ? "2x" : ""}4x8c4_relaxed`,
    ...placement(context, geometry, 1, width, fields, planes),
  });
}

function lowerFloats(context: LowerContext, geometry: DepthwiseGeometry): void {
  const fields = floatFields(context, geometry, 0);
  context.step({
    kernel: "depthwise_f32_f32_4x8",
    ...placement(context, geometry, 4, geometry.filter[1], fields),
  });
}

/** Sums in an emulated accumulator. */
function lowerChunked(
  context: LowerContext,
  geometry: DepthwiseGeometry,
  accumulate: AccumulateAttributes,
): void {
  const { filter } = geometry;
  const taps = filter[0] * filter[1];
  const rounding = roundingOf(context, accumulate);
  const { scratchBytes = 0, ...step } = placement(context, geometry, 4, filter[1], {
    ...floatFields(context, geometry, accumulate.shift ?? 0),
    ...sumFields(accumulate, rounding, taps),
  });
  context.step({
    kernel: `chunked_depthwise_f32_${rounding}`,
    ...step,
    scratchBytes: scratchBytes + CHUNKED_SCRATCH_BYTES + taps * CHUNKED_OPERAND_BYTES,
  });
}

/** Weights in panels of 4 channels, divided by 2^shift, and fields of float32. */
function floatFields(
  context: LowerContext,
  { outputChannels: channels, filter }: DepthwiseGeometry,
  shift: number,
): StepRequest["fields"] {
  const panelBytes = (filter[0] * filter[1] + 1) * 16;
  const panels = context.addConstant("weights", Math.ceil(channels / 4) * panelBytes, (target) => {
    const weights = layerValues(context.constant(1)!).map((value) => value * 2 ** -shift);
    packDepthwiseFloats(target, weights, undefined, channels);
  });
  return {
    ...{ panels, panelBytes, filterSteps: filter[1], padCode: 0, inputFlip: 0, outputFlip: 0 },
    ...{ zeroPoint: 0, low: 0, high: 0, lowLimit: -Infinity, highLimit: Infinity },
  };
}

/** Units as float32. */
function openValues(context: LowerContext, x: Pointer): Pointer {
  const { format, shape } = context.inputs[0]!;
  const size = elementCount(shape);
  const y = context.temporary("float32 values", size * 4);
  const { tileBytes, tiles } = splitBytes(size);
  const flip = operandFlip(context) === 0 ? 0 : 0x80808080 | 0;
  const scale = 1 / inputUnit(format)!;
  context.step({
    kernel: "dequantize_i8_f32",
    tiles,
    fields: { x, y, size, tileSize: tileBytes, zeroPoint: 0, flip, scale, low: 0, high: 0 },
  });
  return y;
}
