/**
 * Conv2D 3x3 with stride 1 in FP6 E2M3 and FP4 E2M1 on integer-exact Winograd, where results are rounded as they are
 * stored: `assembly/winograd-minifloat.ts`. Taken where int8 layers of the same shape take theirs.
 */
import {
  fitsWinograd,
  GEMM_NR,
  isWorthWinograd,
  minifloatPanelBytes,
  minifloatUnits,
  openPanelBytes,
  winogradUnitsKernelName,
} from "../../kernels/index.ts";
import { type ConvGeometry, integerUnit, layerValues } from "../../operators/index.ts";
import type { Pointer } from "../plan.ts";
import type { LowerContext } from "./context.ts";
import { operandFlip } from "./minifloat-operands.ts";
import type { PlacedPanels } from "./minifloat-product.ts";
import type { LayerResults } from "./minifloat-results.ts";
import { isWinogradForm, winogradPlacement } from "./winograd.ts";

/** Appends the layer's step from packed panels, or returns false. */
export function winogradUnits(
  context: LowerContext,
  geometry: ConvGeometry,
  x: Pointer,
  { panels, table, places }: PlacedPanels,
  results: LayerResults,
): boolean {
  const { weights } = panels;
  if (results.steps === undefined || (weights !== "m6" && weights !== "m4")) return false;
  const kernel = winogradUnitsKernelName(weights);
  const isTaken =
    context.forced === undefined ? isWorthWinograd(geometry, true) : context.forced === kernel;
  if (!isTaken || !isWinogradForm(geometry)) return false;
  const { outputChannels, inputChannels } = geometry;
  const tensor = context.constant(1)!;
  const unit = integerUnit(tensor.type.format)!;
  const integers = Int8Array.from(layerValues(tensor), (value) => value * unit);
  // 26 bits of a sum come through, which is a float32 number near 1.5 · 2^23 (`unitSteps`).
  if (!fitsWinograd(integers, outputChannels)) return false;
  const { scratchBytes, fields, ...placed } = winogradPlacement(context, geometry);
  context.step({
    kernel,
    ...placed,
    scratchBytes: scratchBytes + 9 * GEMM_NR * inputChannels + openPanelBytes(panels),
    fields: {
      ...fields,
      ...{ x, w: places[0]!, y: results.y.pointer, yStride: results.y.stride },
      // The zero of x is in what sums start from.
      ...{ zeroPoint: 0, inputZeroPoint: 0, border: operandFlip(context) },
      ...{ panelBytes: minifloatPanelBytes(panels), units: minifloatUnits(panels) },
      ...{ codeTable: table, weightBits: panels.format.bits, weightOffset: 0 },
      ...(results.fields as Record<"rule" | "low" | "high" | "flip" | "unitTable", number>),
    },
  });
  return true;
}
