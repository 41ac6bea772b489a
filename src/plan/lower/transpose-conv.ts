/**
 * TransposeConv as stride · stride ordinary convolutions: outputs of one phase (p, q) = (oy mod s,
 * ox mod s) meet the same taps, and each is a convolution of stride 1 over x.
 *
 *     kh = r + s·t,  iy = base + i − t     with  r = (p + before) mod s,  base = ⌊(p + before) / s⌋
 *
 * for output row oy = p + s·i: the taps t walk x upwards, that is with dilation −1, which keeps the
 * order (kh, kw, c) of the reference. Each phase writes every s-th row and column of y.
 */
import { selectFloatForm } from "../../kernels/index.ts";
import {
  convQuantization,
  type TransposeConvAttributes,
  type TransposeConvGeometry,
  transposeConvGeometry,
} from "../../operators/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { advance, type LowerContext } from "./context.ts";
import { floatWeights } from "./float-weights.ts";
import { gatherBytes, gemmStep } from "./gemm-step.ts";
import { addPanels, type WeightOrder } from "./gemm-weights.ts";
import { integerWeights } from "./integer-weights.ts";

/** A plan of more steps than this costs more to walk than it saves. */
const MAX_PHASES = 64;

export function lowerTransposeConv(
  context: LowerContext,
  attributes: TransposeConvAttributes,
): boolean {
  const [x, w] = context.inputs;
  const y = context.outputs[0]!;
  const constantWeights = context.constant(1);
  const bias = context.constant(2);
  if (x === undefined || w === undefined || constantWeights === undefined) return false;
  if (context.inputs[2] !== undefined && bias === undefined) return false;
  const geometry = transposeConvGeometry(x, w, attributes);
  const isFloat = x.format.name === "float32";
  if (isFloat && !canPadFloats(constantWeights, bias)) return false;
  const { batch, input, output, strides, inputChannels, outputChannels } = geometry;
  const { activation } = attributes;
  const rows = phases(geometry, 0);
  const columns = phases(geometry, 1);
  if (rows.length * columns.length > MAX_PHASES) return false;
  for (const row of rows) {
    for (const column of columns) {
      const depth = row.taps * column.taps * inputChannels;
      const order = phaseWeights(geometry, row, column);
      const weights = isFloat
        ? floatWeights(context, constantWeights, bias, depth, activation, {
            order,
            // Windows that write every s-th pixel are copied: no table, whatever the depth.
            form: selectFloatForm(0, undefined, context.mayFuse),
          })
        : integerWeights(
            context,
            constantWeights,
            depth,
            convQuantization(x, w, y, outputChannels, activation, context.rounding),
            { order },
          );
      const pixel = outputChannels * weights.elementBytes;
      const line = output[1] * pixel;
      gemmStep(context, {
        operation: "conv",
        weights,
        x: context.input(0),
        panels: addPanels(context, weights, 1, outputChannels)[0]!,
        y: advance(context.output(0), row.phase * line + column.phase * pixel),
        m: batch * row.outputs * column.outputs,
        n: outputChannels,
        yStride: strides[1] * pixel,
        packing: {
          height: input[0],
          width: input[1],
          xStride: inputChannels * weights.elementBytes,
          channelBytes: inputChannels * weights.elementBytes,
          outHeight: row.outputs,
          outWidth: column.outputs,
          kernelHeight: row.taps,
          kernelWidth: column.taps,
          strideY: 1,
          strideX: 1,
          dilationY: -1,
          dilationX: -1,
          top: -row.base,
          left: -column.base,
          border: weights.border,
          yRowStride: strides[0] * line,
          yImageStride: output[0] * line,
        },
        packingBytes: gatherBytes(depth * weights.elementBytes),
        note: `phase ${row.phase},${column.phase} ${input.join("x")}x${inputChannels}`,
      });
    }
  }
  return true;
}

/** The rows (or columns) of y that share their taps. */
interface Phase {
  readonly phase: number;
  readonly outputs: number;
  /** First tap, and their number: firstTap + s·t. */
  readonly firstTap: number;
  readonly taps: number;
  /** Row of x that tap 0 of output 0 reads. */
  readonly base: number;
}

function phases({ output, strides, before, filter }: TransposeConvGeometry, axis: 0 | 1): Phase[] {
  const stride = strides[axis];
  return Array.from({ length: Math.min(stride, output[axis]) }, (_, phase) => {
    const start = phase + before[axis];
    const firstTap = start % stride;
    return {
      phase,
      outputs: Math.ceil((output[axis] - phase) / stride),
      firstTap,
      taps: Math.max(Math.ceil((filter[axis] - firstTap) / stride), 0),
      base: Math.floor(start / stride),
    };
  });
}

/** The weights of one phase, [outputs][taps][taps][inputs]. */
function phaseWeights(
  { filter, strides, inputChannels, outputChannels }: TransposeConvGeometry,
  row: Phase,
  column: Phase,
): WeightOrder {
  return <T extends Int8Array | Int16Array | Float32Array>(weights: T): T => {
    const depth = row.taps * column.taps * inputChannels;
    const result = weights.slice(0, outputChannels * depth) as T;
    let to = 0;
    for (let o = 0; o < outputChannels; o++) {
      for (let kh = row.firstTap; kh < filter[0]; kh += strides[0]) {
        for (let kw = column.firstTap; kw < filter[1]; kw += strides[1]) {
          const from = ((o * filter[0] + kh) * filter[1] + kw) * inputChannels;
          result.set(weights.subarray(from, from + inputChannels), to);
          to += inputChannels;
        }
      }
    }
    return result;
  };
}

/**
 * The reference skips taps outside x, the kernel adds 0 · w there: the same bits unless a weight is
 * infinite or NaN, or a sum is −0, which only a bias of −0 makes.
 */
function canPadFloats(w: Tensor, bias: Tensor | undefined): boolean {
  const biases = (bias?.data ?? []) as ArrayLike<number>;
  return (
    (w.data as Float32Array).every((weight) => Number.isFinite(weight)) &&
    !Array.from(biases).some((value) => Object.is(value, -0))
  );
}
