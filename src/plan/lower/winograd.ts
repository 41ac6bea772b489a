/** Conv2D 3x3 with stride 1 on integer-exact Winograd: 4x4 outputs at a time. */
import {
  fitsWinograd,
  GEMM_NR,
  gemmRules,
  isWorthWinograd,
  packWinograd,
  WINOGRAD_POSITIONS,
  WINOGRAD_QUAD,
  type WinogradBits,
  winogradKernelName,
  winogradPanelBytes,
  winogradTiles,
} from "../../kernels/index.ts";
import {
  compactWeights,
  type Conv2DAttributes,
  type ConvGeometry,
  conv2DQuantization,
  hasBlocks,
  narrowingTable,
} from "../../operators/index.ts";
import { elementCount, type TensorType } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import { hasDot, isShared, type LowerContext, type StepRequest } from "./context.ts";
import { scalesStaySmall } from "./small-scales.ts";
import type { Narrowing } from "./narrowing.ts";
import { splitBytes } from "./unary.ts";
import { weightCodes } from "./weight-codes.ts";

/** Bytes of V of one group: they stay in the second-level cache while every panel passes. */
const GROUP_BYTES = 320 * 1024;
/** The same where no thread waits for a group. */
const WHOLE_GROUP_BYTES = 640 * 1024;
const MAX_GROUP_TILES = 64;
const LEAST_GROUP_TILES = 16;
const WANTED_GROUPS = 4;
/** Panels of one cache line of y. */
const LINE_PANELS = 64 / GEMM_NR;
/** Aim for one grid tile, in multiplies. */
const TILE_MACS = 600_000;
const MAX_TILES = 8;

/** Fixed parts of the scratch, as in `assembly/winograd.ts`; the last are those of the weights. */
const HEAD_BYTES = 256 + 768 + 64 + 320;
const SUM_BYTES = 128;
/** What freeing the last of packed filters may write behind them. */
const FREED_SLACK_BYTES = 128;

export function lowerWinograd(
  context: LowerContext,
  attributes: Conv2DAttributes,
  geometry: ConvGeometry,
  narrowing?: Narrowing,
): boolean {
  const [x, w] = context.inputs;
  const y = context.outputs[0]!;
  if (x === undefined || w === undefined || x.format.name === "float32") return false;
  if (!isWinogradForm(geometry) || hasBlocks(w)) return false;
  const isUnsigned = x.format.name === "uint8";
  const quantization = conv2DQuantization(x, w, y, attributes, context.rounding);
  const tensor = context.constant(1)!;
  const { weightZeroPoints } = quantization;
  const unpacked = () => compactWeights(tensor, weightZeroPoints, geometry.depth);
  const codes = weightCodes(tensor, weightZeroPoints, unpacked);
  // Weights that leave int8 are refused below.
  const packed: WinogradBits = codes.bits === 16 ? 8 : codes.bits;
  const isByteForced = context.forced === winogradKernelName(isUnsigned, 8);
  const bits: WinogradBits = isByteForced ? 8 : packed;
  const kernel = winogradKernelName(isUnsigned, bits);
  const forced = context.forced === kernel;
  const isOnePlane = narrowing !== undefined && w.format.bits === 1;
  const isDirectFast = hasDot(context.machine) || isOnePlane;
  if (!forced && !isWorthWinograd(geometry, isDirectFast)) return false;
  if (context.forced !== undefined && !forced) return false;
  const { outputChannels, inputChannels: channels } = geometry;
  const weights = unpacked();
  const bias = context.constant(2)?.data as Int32Array | undefined;
  if (!fitsWinograd(weights, outputChannels, bias)) return false;
  const input = narrowing === undefined ? context.input(0) : narrowedBytes(context, x, narrowing);
  const { rule } = quantization.output;
  const isSmall = scalesStaySmall(quantization.output, bias, geometry.depth, () => weights);
  const panelBytes = winogradPanelBytes(channels, rule, bits);
  const panels = Math.ceil(outputChannels / GEMM_NR);
  const matrix = {
    weights,
    columns: outputChannels,
    channels,
    bias,
    output: quantization.output,
  };
  const { scratchBytes, fields, ...placed } = winogradPlacement(context, geometry);
  const { zeroPoint, low, high } = quantization.output.range;
  const shift = y.format.name === "uint8" ? 128 : 0;
  const rows = context.outputRows(0, outputChannels);
  context.step({
    kernel,
    ...placed,
    scratchBytes: scratchBytes + (bits < 8 ? 9 * GEMM_NR * channels + FREED_SLACK_BYTES : 0),
    fields: {
      ...fields,
      y: rows.pointer,
      zeroPoint: zeroPoint - shift,
      low: low - shift,
      high: high - shift,
      flip: shift,
      rule: gemmRules[isSmall ? "smallFp32" : rule],
      x: input,
      w: context.addConstant("winograd panels", panels * panelBytes, (target) =>
        packWinograd(target, matrix, { bits, offset: codes.offset }),
      ),
      inputZeroPoint: quantization.inputZeroPoint,
      panelBytes,
      yStride: rows.stride,
      weightBits: bits,
      weightOffset: codes.offset,
    },
  });
  return true;
}

/** What the forms share: geometry, groups of output tiles, scratch. */
export function winogradPlacement(
  { machine }: LowerContext,
  { input, output, batch, border, inputChannels: channels, outputChannels, depth }: ConvGeometry,
): Omit<StepRequest, "kernel"> & { readonly scratchBytes: number } {
  const panels = Math.ceil(outputChannels / GEMM_NR);
  const { tilesY, tiles: tilesPerImage, narrow } = winogradTiles(output);
  const tileCount = tilesPerImage * batch;
  const { tiles, ...grid } = winogradGrid(tileCount, panels, channels, isShared(machine));
  return {
    tiles,
    macs: batch * output[0] * output[1] * outputChannels * depth,
    scratchBytes:
      HEAD_BYTES +
      channels +
      WINOGRAD_POSITIONS * (grid.groupTiles * channels * 2 + 64) +
      Math.ceil(grid.groupTiles / WINOGRAD_QUAD) * WINOGRAD_POSITIONS * SUM_BYTES +
      WINOGRAD_POSITIONS * (channels * GEMM_NR * 2 + 64),
    note: `3x3 s1 ${input.join("x")}x${channels}`,
    fields: {
      ...{ inputHeight: input[0], inputWidth: input[1], channels },
      ...{ outputHeight: output[0], outputWidth: output[1], n: outputChannels },
      ...{ padTop: border.top, padLeft: border.left },
      ...{ tilesY, tilesPerImage, tileCount, ...grid },
      narrowFrom: tilesPerImage - narrow,
    },
  };
}

/** The codes of a narrow x as bytes, by a step of their own: every cell is read in several windows. */
function narrowedBytes(context: LowerContext, x: TensorType, { source }: Narrowing): Pointer {
  const sizeBytes = elementCount(x.shape);
  const table = narrowingTable(context.graph.values[source]!.type, x);
  const codes = context.temporary("narrow codes", sizeBytes);
  const { tileBytes, tiles } = splitBytes(sizeBytes);
  context.step({
    kernel: "lookup_8",
    tiles,
    fields: {
      x: context.place(source),
      y: codes,
      table: context.addConstant("table", 256, (target) => target.set(table)),
      sizeBytes,
      tileBytes,
    },
  });
  return codes;
}

/** 3x3, stride and dilation 1, one group, whole vectors of channels. */
export function isWinogradForm({
  filter,
  strides,
  dilations,
  groups,
  inputChannels,
}: ConvGeometry): boolean {
  return (
    groups === 1 &&
    inputChannels % 8 === 0 &&
    filter.every((extent) => extent === 3) &&
    strides.every((extent) => extent === 1) &&
    dilations.every((extent) => extent === 1)
  );
}

/**
 * Groups of output tiles: large, because each transforms the weights again, but V must stay in cache
 * and threads want a few. Panels are cut where that gives too few, at whole cache lines of y: two
 * threads that write one line wait for each other.
 */
function winogradGrid(tileCount: number, panels: number, channels: number, shared: boolean) {
  const multiplies = tileCount * WINOGRAD_POSITIONS * channels * panels * GEMM_NR;
  const aim = shared ? Math.min(2 * Math.round(multiplies / TILE_MACS / 2), MAX_TILES) : 1;
  const bytes = shared ? GROUP_BYTES : WHOLE_GROUP_BYTES;
  const fitting = Math.floor(bytes / (WINOGRAD_POSITIONS * channels * 2));
  const wantedTiles = Math.max(Math.ceil(tileCount / WANTED_GROUPS), LEAST_GROUP_TILES);
  const part = shared ? wantedTiles : tileCount;
  const most = Math.max(Math.min(fitting, MAX_GROUP_TILES, part), WINOGRAD_QUAD);
  const groups = Math.ceil(tileCount / most);
  const groupTiles = Math.ceil(tileCount / groups / WINOGRAD_QUAD) * WINOGRAD_QUAD;
  const groupCount = Math.ceil(tileCount / groupTiles);
  const wanted = Math.ceil(panels / Math.max(1, Math.round(aim / groupCount)));
  const tilePanels = Math.min(Math.ceil(wanted / LINE_PANELS) * LINE_PANELS, panels);
  const chunks = Math.ceil(panels / tilePanels);
  return { groupTiles, tilePanels, chunks, tiles: groupCount * chunks };
}
