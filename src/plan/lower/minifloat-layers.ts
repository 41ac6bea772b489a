/**
 * Conv2D and FullyConnected with minifloat weights: x as `minifloat-operands.ts` says, packed panels,
 * float32 results. Sums in an emulated accumulator take the kernels of ChunkedMatMul on windows as rows.
 */
import type { Minifloat } from "../../formats/index.ts";
import { type MinifloatOperand, minifloatOperands } from "../../kernels/index.ts";
import {
  type Conv2DAttributes,
  convGeometry,
  type FullyConnectedAttributes,
  fullyConnectedGeometry,
} from "../../operators/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import { advance, type LowerContext } from "./context.ts";
import { describeWindow, hasContiguousRows } from "./conv-2d.ts";
import { decodeStep, roundStep } from "./minifloat-codes.ts";
import { operandBytes, operandOfLayer, operandOfValue } from "./minifloat-operands.ts";
import { addPanels, productStep, readyPanels } from "./minifloat-product.ts";
import { layerResults } from "./minifloat-results.ts";
import { accumulatedRows } from "./minifloat-sums.ts";
import { windowPacking, windowRows } from "./minifloat-windows.ts";
import { winogradUnits } from "./minifloat-winograd.ts";

/** Input 0 in the form that the layer reads: where it lies, after a step that makes it if need be. */
export function layerInput(context: LowerContext, operand: MinifloatOperand): Pointer {
  const x = context.inputs[0]!;
  const id = context.node.inputs[0]!;
  if (x.format.name === "float32" || operandOfValue(context, id) === operand) {
    return context.input(0);
  }
  const format = x.format as Minifloat;
  const count = elementCount(x.shape);
  const values = context.temporary(`${format.name} as float32`, count * 4);
  decodeStep(context, format, context.input(0), values, count);
  if (operand === "f32") return values;
  const y = context.temporary(`${format.name} as ${operand}`, operandBytes(x, operand));
  roundStep(context, operand, { x: values, y, format, count, scale: 1 });
  return y;
}

export function lowerMinifloatFullyConnected(
  context: LowerContext,
  attributes: FullyConnectedAttributes,
): boolean {
  const operand = operandOfLayer(context, context.node);
  if (operand === undefined) return false;
  const { rows, columns, depth } = fullyConnectedGeometry(context.inputs[0]!, context.inputs[1]!);
  const x = layerInput(context, operand);
  if (attributes.accumulate !== undefined) {
    accumulatedRows(context, attributes, {
      ...{ a: x, aStride: depth * 4, groupStride: 0, rows, columns, groups: 1, depth },
    });
    return true;
  }
  const results = layerResults(context, operand, attributes, columns, true);
  const extents = { m: rows, n: columns, results };
  const packed = addPanels(context, operand, attributes, 1, results.steps);
  const placed = readyPanels(context, packed, extents);
  productStep(context, placed, placed.places[0]!, {
    ...{ operation: "gemm", operand, x, column: 0, ...extents },
    packing: { xStride: depth * minifloatOperands[operand].elementBytes },
    packingBytes: 0,
    note: `${rows}x${columns}x${depth}`,
  });
  results.finish();
  return true;
}

export function lowerMinifloatConv2D(context: LowerContext, attributes: Conv2DAttributes): boolean {
  const operand = operandOfLayer(context, context.node);
  if (operand === undefined) return false;
  const geometry = convGeometry(context.inputs[0]!, context.inputs[1]!, attributes);
  const { batch, output, outputChannels, groups, inputChannels, depth } = geometry;
  const x = layerInput(context, operand);
  const pixels = batch * output[0] * output[1];
  if (attributes.accumulate !== undefined) {
    // Windows of a group lie together; pixels have those of a 1x1 layer together as they are.
    const a = hasContiguousRows(geometry) ? x : windowRows(context, x, geometry);
    accumulatedRows(context, attributes, {
      ...{ a, aStride: groups * depth * 4, groupStride: depth * 4 },
      ...{ rows: pixels, columns: outputChannels, groups, depth },
    });
    return true;
  }
  const results = layerResults(context, operand, attributes, outputChannels, true);
  const columns = outputChannels / groups;
  const extents = { m: pixels, n: columns, results };
  const packed = addPanels(context, operand, attributes, groups, results.steps);
  if (winogradUnits(context, geometry, x, packed, results)) return true;
  const placed = readyPanels(context, packed, extents);
  const packing = windowPacking(context, geometry, placed.panels, results.y.stride);
  const groupBytes = (inputChannels / groups) * minifloatOperands[operand].elementBytes;
  placed.places.forEach((panels, group) => {
    productStep(context, placed, panels, {
      ...packing,
      ...{ operand, ...extents },
      x: advance(x, group * groupBytes),
      column: group * columns,
      note: describeWindow(geometry),
    });
  });
  results.finish();
  return true;
}
