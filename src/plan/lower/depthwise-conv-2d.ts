/** DepthwiseConv2D to `depthwise_*`: panels of channels, tiles of output rows. */
import {
  type DepthwiseFilters,
  depthwisePanelBytes,
  depthwisePlanes,
  depthwiseQuadBytes,
  depthwiseSteps,
  packDepthwise,
  packDepthwiseFloats,
  packDepthwiseQuads,
} from "../../kernels/index.ts";
import {
  compactWeights,
  convQuantization,
  type DepthwiseConv2DAttributes,
  type DepthwiseGeometry,
  depthwiseGeometry,
  floatActivationRange,
} from "../../operators/index.ts";
import type { OutputRange } from "../../quantization/index.ts";
import { hasDot, type LowerContext, type StepRequest } from "./context.ts";
import { flipOf, splitRows } from "./tiles.ts";

/** Multiply-accumulates of one tile: 20 to 100 µs at the kernels' speed. */
const TILE_MACS = 500_000;

export function lowerDepthwiseConv2D(
  context: LowerContext,
  attributes: DepthwiseConv2DAttributes,
): boolean {
  const [x, w] = context.inputs;
  if (x === undefined || w === undefined || context.constant(1) === undefined) return false;
  const geometry = depthwiseGeometry(x, w, attributes);
  if (x.format.name === "float32") {
    return w.format.name === "float32" && lowerFloats(context, geometry, attributes);
  }
  return lowerCodes(context, geometry, attributes);
}

function lowerCodes(
  context: LowerContext,
  geometry: DepthwiseGeometry,
  { activation }: DepthwiseConv2DAttributes,
): boolean {
  const [x, w] = context.inputs;
  const y = context.outputs[0]!;
  const { outputChannels: channels, filter } = geometry;
  const { inputZeroPoint, weightZeroPoints, output } = convQuantization(
    x!,
    w!,
    y,
    channels,
    activation,
    context.rounding,
  );
  if (output.rule !== "fp32" && output.rule !== "fixed") return false;
  const { multipliers, range } = output;
  const weights = compactWeights(context.constant(1)!, weightZeroPoints, 1);
  const filters = { weights, height: filter[0], width: filter[1], channels };
  if (
    output.rule === "fp32" &&
    lowerQuads(context, geometry, filters, inputZeroPoint, output.multipliers, range)
  ) {
    return true;
  }
  const fixed = output.rule === "fixed";
  const strideOne =
    !fixed &&
    geometry.strides[1] === 1 &&
    geometry.dilations[1] === 1 &&
    context.forced !== "depthwise_i8_i16_4x8c2";
  const input = flipOf(x!.format);
  const result = flipOf(y.format);
  const padCode = inputZeroPoint - input.offset;
  const bias = foldedBias(
    context.constant(2)?.data as Int32Array | undefined,
    weights,
    padCode,
    channels,
  );
  const panelBytes = depthwisePanelBytes(filters, strideOne, fixed);
  const panels = context.addConstant("weights", Math.ceil(channels / 8) * panelBytes, (target) =>
    packDepthwise(target, filters, bias, multipliers, strideOne),
  );
  const steps = depthwiseSteps(filter[1], strideOne);
  context.step({
    kernel: `depthwise_i8_i16_4x8c2${fixed ? "_fixed" : strideOne ? "_s1" : ""}`,
    ...placement(context, geometry, 1, steps * 2, {
      panels,
      panelBytes,
      filterSteps: steps,
      padCode,
      inputFlip: input.mask,
      outputFlip: result.mask,
      zeroPoint: range.zeroPoint - result.offset,
      low: range.low - result.offset,
      high: range.high - result.offset,
      lowLimit: 0,
      highLimit: 0,
    }),
  });
  return true;
}

/** Largest |accumulator · multiplier| that the relaxed kernels round without a clamp. */
const MAX_SCALED = 2 ** 22 - 1;

/** The relaxed dot: int8 weights, one output channel per input channel. False: not its form. */
function lowerQuads(
  context: LowerContext,
  geometry: DepthwiseGeometry,
  filters: DepthwiseFilters,
  inputZeroPoint: number,
  multipliers: Float32Array,
  range: OutputRange,
): boolean {
  const { weights, height, width, channels } = filters;
  const { machine, forced } = context;
  if (!hasDot(machine) || geometry.multiplier !== 1 || isPlain(forced)) return false;
  if (!(weights instanceof Int8Array)) return false;
  const bias = context.constant(2)?.data as Int32Array | undefined;
  if (largestScaled(filters, bias, multipliers) > MAX_SCALED) return false;
  const hasPairs =
    geometry.strides[0] === 1 &&
    geometry.strides[1] === 1 &&
    geometry.dilations[0] === 1 &&
    geometry.output[0] > 1 &&
    forced !== "depthwise_x8_i8_4x8c4_relaxed";
  const rows = hasPairs ? 2 : 1;
  // The dot reads its second operand as unsigned (`usdot`) or signed: codes of the other kind are
  // flipped, which moves them and their zero point by 128.
  const isUnsigned = context.inputs[0]!.format.kind === "unsigned";
  const flips = isUnsigned !== (machine.dot === "usdot");
  const padCode = inputZeroPoint + (flips ? (isUnsigned ? -128 : 128) : 0);
  const result = flipOf(context.outputs[0]!.format);
  const groupBytes = depthwiseQuadBytes(filters, rows);
  const panels = context.addConstant(
    "weights",
    Math.ceil(channels / 8) * 2 * groupBytes,
    (target) =>
      packDepthwiseQuads(
        target,
        filters,
        foldedBias(bias, weights, padCode, channels),
        multipliers,
        rows,
      ),
  );
  const planes = depthwisePlanes(height, rows);
  context.step({
    kernel: `depthwise_x8_i8_${hasPairs ? "2x" : ""}4x8c4_relaxed`,
    ...placement(
      context,
      geometry,
      1,
      width,
      {
        panels,
        panelBytes: 2 * groupBytes,
        filterSteps: planes * width,
        padCode,
        inputFlip: flips ? 0x80808080 | 0 : 0,
        outputFlip: result.mask,
        zeroPoint: range.zeroPoint - result.offset,
        low: range.low - result.offset,
        high: range.high - result.offset,
        lowLimit: 0,
        highLimit: 0,
      },
      planes,
    ),
  });
  return true;
}

function isPlain(kernel: string | undefined): boolean {
  return kernel !== undefined && !kernel.endsWith("_relaxed");
}

/** The largest |accumulator · multiplier| that any input can make. */
function largestScaled(
  { weights, channels }: DepthwiseFilters,
  bias: Int32Array | undefined,
  multipliers: Float32Array,
): number {
  let most = 0;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let i = c; i < weights.length; i += channels) sum += Math.abs(weights[i]!);
    const reach = 255 * sum + Math.abs(bias === undefined ? 0 : bias[c]!);
    most = Math.max(most, reach * multipliers[c]!);
  }
  return most;
}

function lowerFloats(
  context: LowerContext,
  geometry: DepthwiseGeometry,
  { activation }: DepthwiseConv2DAttributes,
): boolean {
  const { outputChannels: channels, filter } = geometry;
  const weights = context.constant(1)!.data as Float32Array;
  const bias = context.constant(2)?.data as Float32Array | undefined;
  if (context.inputs[2] !== undefined && bias === undefined) return false;
  const { low, high } = floatActivationRange(activation);
  const panelBytes = (filter[0] * filter[1] + 1) * 16;
  const panels = context.addConstant("weights", Math.ceil(channels / 4) * panelBytes, (target) =>
    packDepthwiseFloats(target, weights, bias, channels),
  );
  context.step({
    kernel: "depthwise_f32_f32_4x4",
    ...placement(context, geometry, 4, filter[1], {
      panels,
      panelBytes,
      filterSteps: filter[1],
      padCode: 0,
      inputFlip: 0,
      outputFlip: 0,
      zeroPoint: 0,
      low: 0,
      high: 0,
      lowLimit: low,
      highLimit: high,
    }),
  });
  return true;
}

/** bias[c] − z_x · Σ w[…, c], modulo 2^32. */
function foldedBias(
  bias: Int32Array | undefined,
  weights: Int8Array | Int16Array,
  zeroPoint: number,
  channels: number,
): Int32Array {
  const folded = new Int32Array(channels);
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let i = c; i < weights.length; i += channels) sum += weights[i]!;
    folded[c] = (bias === undefined ? 0 : bias[c]!) - zeroPoint * sum;
  }
  return folded;
}

/** What the forms share: geometry, ring and tiles. `columns`: taps that one filter row reads. */
function placement(
  context: LowerContext,
  g: DepthwiseGeometry,
  elementBytes: number,
  columns: number,
  fields: StepRequest["fields"],
  planes = 0,
): Omit<StepRequest, "kernel"> {
  const { outputChannels: channels, filter, strides, dilations, border } = g;
  // Outputs are made four at a time: the last ones of a row may lie beyond it.
  const outputs = Math.ceil(g.output[1] / 4) * 4;
  const touched = (outputs - 1) * strides[1] + columns * dilations[1] + 1;
  const width = Math.max(touched, border.left + g.input[1] + border.right);
  // Quads hold a value four times as wide; interleaving them may write 60 bytes too many.
  const columnBytes = channels * (planes > 0 ? 4 : elementBytes);
  const rowBytes = Math.ceil((width * columnBytes + (planes > 0 ? 64 : 16)) / 16) * 16;
  const ringRows = (filter[0] - 1) * dilations[0] + 1;
  const rowMacs = g.output[1] * channels * filter[0] * filter[1];
  const split = splitRows(g.output[0], rowMacs, TILE_MACS);
  // Pairs of rows: only the last tile may have one without the other.
  const tileRows = planes > 0 ? Math.ceil(split.tileRows / 2) * 2 : split.tileRows;
  const tiles = Math.ceil(g.output[0] / tileRows);
  return {
    tiles: tiles * g.batch,
    macs: rowMacs * g.output[0] * g.batch,
    scratchBytes:
      planes > 0
        ? planes * rowBytes + g.input[1] * channels + 64
        : Math.ceil((filter[0] * 4) / 16) * 16 + ringRows * rowBytes + 64,
    note: `${filter.join("x")} s${strides.join("x")} ${channels}x${g.output.join("x")}`,
    fields: {
      ...fields,
      x: context.input(0),
      y: context.output(0),
      inputHeight: g.input[0],
      inputWidth: g.input[1],
      inputChannels: g.inputChannels,
      xStride: g.inputChannels * elementBytes,
      yStride: channels * elementBytes,
      channels,
      multiplier: g.multiplier,
      outputHeight: g.output[0],
      outputWidth: g.output[1],
      filterHeight: filter[0],
      filterWidth: filter[1],
      strideY: strides[0],
      strideX: strides[1],
      dilationY: dilations[0],
      dilationX: dilations[1],
      padTop: border.top,
      padLeft: border.left,
      padRight: border.right,
      rowBytes,
      planes,
      tileRows,
      tilesPerImage: tiles,
    },
  };
}
