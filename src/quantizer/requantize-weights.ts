/** The weights of one layer on the grid of another format: a scale per output channel, or per block. */
import { bfloat16, binary, type Format, int8 } from "../formats/index.ts";
import { correctedWeights, weightChannels } from "../operators/index.ts";
import { perBlock, perChannel } from "../quantization/index.ts";
import { elementCount, packBits, type Tensor } from "../tensor/index.ts";
import { balanceCodes, type Filter } from "./balanced-grid.ts";
import type { InputCorrelation } from "./balanced-rounding.ts";
import type { InputMoments } from "./input-moments.ts";
import { roundTogether } from "./joint-rounding.ts";
import { bestScale, checkFinite, type ChannelValues, nearestCode } from "./omse.ts";

/** Blocks of a filter: runs of `size` neighbours, or fewer at its end, in each tap of `tap` weights. */
export interface BlockShape {
  readonly tap: number;
  readonly size: number;
}

/** Codes [channels][depth], and the scale of each channel, or [channels][blocks]. */
export interface GridWeights {
  readonly codes: Int8Array;
  readonly scales: Float32Array;
  readonly blocks?: BlockShape;
}

/** Smallest normal float32: no scale may be below it. */
const MIN_SCALE = 2 ** -126;

/**
 * What the weights of a layer read: moments, and which of them are those of an output channel; or how alike
 * inputs are.
 */
export type WeightInputs =
  | InputCorrelation
  | { readonly moments: InputMoments; readonly groupOf: (channel: number) => number };

/**
 * @param w weights [channels, …] in float32, or in integers with their scales
 * @param leastScale a lower bound per channel: what the bias of the layer needs
 */
export function gridWeights(
  w: Tensor,
  channels: number,
  format: Format,
  inputs: WeightInputs,
  leastScale: (channel: number) => number = () => 0,
): GridWeights {
  const depth = elementCount(w.type.shape) / channels;
  const { values, units } = channelValues(w, channels, depth);
  const codes = new Int8Array(values.length);
  const tap = w.type.shape.at(-1)!;
  const scales = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    const own = values.subarray(c * depth, (c + 1) * depth);
    const unit = units === undefined ? 1 : units[c]!;
    const best = format === int8 ? rangeScale(own, units !== undefined) : bestScale(own, format);
    // A channel of zeros keeps its scale.
    scales[c] = Math.max(best === 0 ? unit : best * unit, leastScale(c), MIN_SCALE);
    const filter = codes.subarray(c * depth, (c + 1) * depth);
    const scale = new Float64Array(depth).fill(scales[c]! / unit);
    roundFilter({ values: own, codes: filter, scale, inputs: tap }, format, inputs, c);
  }
  return { codes, scales };
}

/**
 * The same with a scale per block, a bfloat16: 8 bits of precision cost nothing beside 4 of a weight, and
 * two bytes are half of what a kernel would hold.
 */
export function gridBlocks(
  w: Tensor,
  channels: number,
  format: Format,
  blocks: BlockShape,
  inputs: WeightInputs,
): GridWeights {
  const depth = elementCount(w.type.shape) / channels;
  const { values, units } = channelValues(w, channels, depth);
  const codes = new Int8Array(values.length);
  const perTap = Math.ceil(blocks.tap / blocks.size);
  const scales = new Float32Array((values.length / blocks.tap) * perTap);
  let at = 0;
  for (let first = 0; first < values.length; first += blocks.tap) {
    const unit = units === undefined ? 1 : units[Math.floor(first / depth)]!;
    for (let from = first; from < first + blocks.tap; from += blocks.size) {
      const end = Math.min(from + blocks.size, first + blocks.tap);
      const own = values.subarray(from, end);
      const best = bestScale(own, format);
      const scale = roundToShort(Math.max(best === 0 ? unit : best * unit, MIN_SCALE));
      scales[at++] = scale;
    }
  }
  const grid = { codes, scales, blocks };
  const scaleOf = scaleReader(grid);
  const scale = new Float64Array(depth);
  for (let c = 0; c < channels; c++) {
    const [from, end] = [c * depth, (c + 1) * depth];
    const unit = units === undefined ? 1 : units[c]!;
    for (let k = 0; k < depth; k++) scale[k] = scaleOf(from + k) / unit;
    const own = { values: values.subarray(from, end), codes: codes.subarray(from, end) };
    roundFilter({ ...own, scale, inputs: blocks.tap }, format, inputs, c);
  }
  return grid;
}

/** Writes the codes of a filter. */
function roundFilter(filter: Filter, format: Format, inputs: WeightInputs, channel: number): void {
  if (!("moments" in inputs)) return balanceCodes(filter, format, inputs);
  const { values, codes, scale } = filter;
  const round = (value: number, k: number): number =>
    nearestCode(value / scale[k]!, format) * scale[k]!;
  const blocks = inputs.moments.blocksOf(inputs.groupOf(channel));
  roundTogether(Float64Array.from(values), round, blocks).forEach((value, k) => {
    codes[k] = Math.round(value / scale[k]!);
  });
}

/** The nearest bfloat16 of a number above 0. */
function roundToShort(value: number): number {
  return bfloat16.decode(bfloat16.encode(value));
}

/** Values per channel, in units of the channel's scale where the weights are integers. */
function channelValues(
  w: Tensor,
  channels: number,
  depth: number,
): { readonly values: ChannelValues; readonly units: Float32Array | undefined } {
  if (w.type.format.kind === "float") {
    return { values: w.data as Float32Array, units: undefined };
  }
  const { scales, zeroPoints } = weightChannels(w.type, channels);
  return { values: correctedWeights(w, zeroPoints, depth), units: scales };
}

/**
 * The whole range in ±127: at 8 bits within 0.2 dB of the best scale. Integers that fit as they are
 * stay so.
 */
function rangeScale(values: ChannelValues, isInteger: boolean): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  checkFinite(largest);
  return isInteger && largest > 0 ? Math.max(1, largest / 127) : largest / 127;
}

/** The codes as a packed tensor of shape [channels, …]. */
export function packedWeights(
  { codes, scales, blocks }: GridWeights,
  format: Format,
  shape: readonly number[],
): Tensor {
  const quantization =
    blocks === undefined
      ? perChannel(scales, new Int32Array(scales.length), 0)
      : perBlock(scales, shape.length - 1, blocks.size);
  const bits = format === binary ? codes.map((code) => (code + 1) / 2) : codes;
  return {
    type: { format, shape, quantization },
    data: format.bits === 8 ? codes : packBits(format, bits),
  };
}

/** The codes times their scales, in float32. */
export function realWeights(grid: GridWeights): Float32Array {
  const { codes } = grid;
  const scaleOf = scaleReader(grid);
  const values = new Float32Array(codes.length);
  for (let i = 0; i < values.length; i++) values[i] = codes[i]! * scaleOf(i);
  return values;
}

/** The scale of a code by its index. */
function scaleReader({ codes, scales, blocks }: GridWeights): (index: number) => number {
  const depth = codes.length / scales.length;
  const { tap, size } = blocks ?? { tap: depth, size: depth };
  const perTap = Math.ceil(tap / size);
  return (i) => scales[Math.floor(i / tap) * perTap + Math.floor((i % tap) / size)]!;
}
