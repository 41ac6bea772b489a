/**
 * Depthwise convolution: `assembly/depthwise.ts`.
 *
 * Panel of 8 channels, int16 weights with their zero point removed, taps in pairs:
 *
 *   stride 1:  per filter row, per j ≤ ⌊kw / 2⌋:  E_j[4] E_j[4] O_j[4] O_j[4]    64 bytes
 *   any:       per filter row, per j < ⌈kw / 2⌉:  E_j[4] E_j[4]                  32 bytes
 *   then       int32 bias[8] with −z_x·Σw in it, then f32 multiplier[8], or int32 q[8],
 *              2^max(exponent, 0)[8], 2^(31 + min(exponent, 0))[8]
 *
 *   E_j = (w[2j], w[2j + 1]), O_j = (w[2j − 1], w[2j]); 0 outside the filter and its channels
 *
 * Group of 4 channels, relaxed dot (`assembly/depthwise-dot.ts`), int8 weights, R output rows at a time:
 *
 *   per plane p < ⌈(kh + R − 1) / 4⌉, per kx, per output row r:  (w[4p − r … 4p − r + 3][kx])[4]   16 bytes
 *   then       int32 bias[4], f32 multiplier[4], and f32 bias[4] of minifloats (`depthwise-minifloat.ts`)
 *
 * Panel of 4 channels, float32: w[kh · kw][4], then bias[4].
 */
import type { FixedMultiplier } from "../quantization/index.ts";
import type { Kernel } from "./kernel.ts";

const parameters = [
  ...["x", "y", "panels", "panelBytes", "inputHeight", "inputWidth", "inputChannels"],
  ...["xStride", "yStride", "channels", "multiplier", "outputHeight", "outputWidth"],
  ...["filterHeight", "filterWidth", "filterSteps", "strideY", "strideX", "dilationY", "dilationX"],
  ...["padTop", "padLeft", "padRight", "rowBytes", "planes", "tileRows", "tilesPerImage"],
  ...["padCode", "inputFlip", "outputFlip", "zeroPoint", "low", "high", "lowLimit", "highLimit"],
];
const floats = ["lowLimit", "highLimit"];

/** What the output stage of minifloats has to know besides. */
const unitParameters = [...parameters, "rule", "unitTable"];

const pairs = { unit: "multiply", macs: 8 } as const;
const quads = { unit: "dot", macs: 16 } as const;
const singles = { unit: "float", macs: 4 } as const;

export const depthwiseKernels: readonly Kernel[] = [
  {
    name: "depthwise_i8_i16_4x8c2_s1",
    isa: "simd128",
    module: "int8",
    parameters,
    floats,
    bound: pairs,
  },
  {
    name: "depthwise_i8_i16_4x8c2",
    isa: "simd128",
    module: "int8",
    parameters,
    floats,
    bound: pairs,
  },
  {
    name: "depthwise_i8_i16_4x8c2_fixed",
    isa: "simd128",
    module: "seldom",
    parameters,
    floats,
    bound: pairs,
  },
  {
    name: "depthwise_x8_i8_2x4x8c4_relaxed",
    isa: "relaxed",
    module: "int8",
    parameters,
    floats,
    bound: quads,
  },
  {
    name: "depthwise_x8_i8_4x8c4_relaxed",
    isa: "relaxed",
    module: "int8",
    parameters,
    floats,
    bound: quads,
  },
  ...["depthwise_x8_w8_2x4x8c4_relaxed", "depthwise_x8_w8_4x8c4_relaxed"].map((name): Kernel => ({
    ...{ name, isa: "relaxed", module: "minifloat", bound: quads },
    ...{ parameters: unitParameters, floats },
  })),
  {
    name: "depthwise_f32_f32_4x8",
    isa: "simd128",
    module: "float",
    parameters,
    floats,
    bound: singles,
  },
];

/** Filters [kh][kw][channels] with their zero points removed. */
export interface DepthwiseFilters {
  readonly weights: Int8Array | Int16Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Weight vectors per filter row. */
export function depthwiseSteps(width: number, strideOne: boolean): number {
  return strideOne ? Math.floor(width / 2) + 1 : Math.ceil(width / 2);
}

/** Bytes of one panel of 8 channels. */
export function depthwisePanelBytes(
  { height, width }: DepthwiseFilters,
  strideOne: boolean,
  fixed: boolean,
): number {
  const stepBytes = strideOne ? 64 : 32;
  return height * depthwiseSteps(width, strideOne) * stepBytes + 32 + (fixed ? 96 : 32);
}

/**
 * Writes the panels of all channels. `bias[c]` already holds −z_x·Σw; it wraps to 32 bits like every
 * partial sum.
 */
export function packDepthwise(
  target: Uint8Array,
  filters: DepthwiseFilters,
  bias: Int32Array,
  multipliers: Float32Array | readonly FixedMultiplier[],
  strideOne: boolean,
): void {
  const { weights, height, width, channels } = filters;
  const fixed = !(multipliers instanceof Float32Array);
  const steps = depthwiseSteps(width, strideOne);
  const panelBytes = depthwisePanelBytes(filters, strideOne, fixed);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const tap = (ky: number, kx: number, c: number): number =>
    kx < 0 || kx >= width ? 0 : weights[(ky * width + kx) * channels + c]!;
  for (let c = 0; c < channels; c++) {
    const panel = Math.floor(c / 8) * panelBytes;
    const lane = (c % 8) * 4;
    for (let ky = 0; ky < height; ky++) {
      for (let j = 0; j < steps; j++) {
        const at = panel + (ky * steps + j) * (strideOne ? 64 : 32) + lane;
        view.setInt16(at, tap(ky, 2 * j, c), true);
        view.setInt16(at + 2, tap(ky, 2 * j + 1, c), true);
        if (!strideOne) continue;
        view.setInt16(at + 32, tap(ky, 2 * j - 1, c), true);
        view.setInt16(at + 34, tap(ky, 2 * j, c), true);
      }
    }
    const tail = panel + height * steps * (strideOne ? 64 : 32) + lane;
    view.setInt32(tail, bias[c]!, true);
    if (multipliers instanceof Float32Array) {
      view.setFloat32(tail + 32, multipliers[c]!, true);
    } else {
      const { q, exponent } = multipliers[c]!;
      view.setInt32(tail + 32, q, true);
      view.setUint32(tail + 64, 2 ** Math.max(exponent, 0), true);
      view.setUint32(tail + 96, 2 ** (31 + Math.min(exponent, 0)), true);
    }
  }
}

/** Planes of quads that `rows` output rows span. Rows of one plane are `dilation` rows apart. */
export function depthwisePlanes(height: number, rows: number): number {
  return Math.ceil((height + rows - 1) / 4);
}

/** Bytes of one group of 4 channels of the relaxed dot; `hasFloats`: with biases in float32. */
export function depthwiseQuadBytes(
  { height, width }: DepthwiseFilters,
  rows: number,
  hasFloats = false,
): number {
  return depthwisePlanes(height, rows) * width * rows * 16 + (hasFloats ? 48 : 32);
}

/**
 * Writes groups of 4 channels, an even number of them, for `rows` output rows at a time. `floats`: biases
 * in float32.
 */
export function packDepthwiseQuads(
  target: Uint8Array,
  filters: DepthwiseFilters,
  bias: Int32Array,
  multipliers: Float32Array,
  rows: number,
  floats?: Float32Array,
): void {
  const { weights, height, width, channels } = filters;
  const planes = depthwisePlanes(height, rows);
  const groupBytes = depthwiseQuadBytes(filters, rows, floats !== undefined);
  const lanes = new Int8Array(target.buffer, target.byteOffset, target.byteLength);
  for (let ky = 0; ky < height; ky++) {
    for (let kx = 0; kx < width; kx++) {
      for (let row = 0; row < rows; row++) {
        const step = Math.floor((ky + row) / 4) * width + kx;
        const first = (step * rows + row) * 16 + ((ky + row) % 4);
        let from = (ky * width + kx) * channels;
        for (let c = 0; c < channels; c++) {
          lanes[(c >> 2) * groupBytes + (c & 3) * 4 + first] = weights[from++]!;
        }
      }
    }
  }
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let c = 0; c < channels; c++) {
    const tail = (c >> 2) * groupBytes + planes * width * rows * 16 + (c & 3) * 4;
    view.setInt32(tail, bias[c]!, true);
    view.setFloat32(tail + 16, multipliers[c]!, true);
    if (floats !== undefined) view.setFloat32(tail + 32, floats[c]!, true);
  }
}

/** Writes float32 panels of 4 channels. `weights` is [taps][channels]. */
export function packDepthwiseFloats(
  target: Uint8Array,
  weights: Float32Array,
  bias: Float32Array | undefined,
  channels: number,
): void {
  const taps = weights.length / channels;
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let c = 0; c < channels; c++) {
    const at = Math.floor(c / 4) * (taps + 1) * 16 + (c % 4) * 4;
    for (let t = 0; t < taps; t++) view.setFloat32(at + t * 16, weights[t * channels + c]!, true);
    view.setFloat32(at + taps * 16, bias?.[c] ?? 0, true);
  }
}
