/** DepthwiseConv2D to the relaxed dot, `depthwise_x8_i8_*`: groups of 4 channels, planes of quads. */
import {
  type DepthwiseFilters,
  depthwisePlanes,
  depthwiseQuadBytes,
  packDepthwiseQuads,
} from "../../kernels/index.ts";
import type { DepthwiseGeometry } from "../../operators/index.ts";
import type { OutputRange } from "../../quantization/index.ts";
import { hasDot, type LowerContext } from "./context.ts";
import { foldedBias, placement } from "./depthwise-placement.ts";
import { flipOf } from "./tiles.ts";

/** Largest |accumulator · multiplier| that the relaxed kernels round without a clamp. */
const MAX_SCALED = 2 ** 22 - 1;

/** The relaxed dot: int8 weights, one output channel per input channel. False: not its form. */
export function lowerQuads(
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
