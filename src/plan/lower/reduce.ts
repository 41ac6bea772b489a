/** Mean and Sum over neighbouring axes: x as [outer, depth, inner]. */
import {
  meanConstants,
  type ReduceAttributes,
  reduceGeometry,
  sumConstants,
} from "../../operators/index.ts";
import { elementCount, type TensorType } from "../../tensor/index.ts";
import {
  declaredInput,
  declaredOutput,
  type LowerContext,
  type Lowering,
  type StepRequest,
} from "./context.ts";
import { shortName, splitRows } from "./tiles.ts";

/** Elements of one tile: some 20 µs. */
const TILE_ELEMENTS = 65_536;
/** Columns of a tile that is a part of a row. */
const COLUMN_UNIT = 64;

export const lowerMean: Lowering<ReduceAttributes> = (context, attributes) =>
  lowerReduce(context, attributes, true);

export const lowerSum: Lowering<ReduceAttributes> = (context, attributes) =>
  lowerReduce(context, attributes, false);

/** The extents before, of and after the reduced axes; undefined if others lie between them. */
function collapse(
  { shape }: TensorType,
  reduced: readonly boolean[],
): readonly [outer: number, depth: number, inner: number] | undefined {
  const first = reduced.findIndex((is, d) => is && shape[d] !== 1);
  const last = reduced.findLastIndex((is, d) => is && shape[d] !== 1);
  if (first < 0) return [elementCount(shape), 1, 1];
  for (let d = first; d <= last; d++) if (!reduced[d] && shape[d] !== 1) return undefined;
  return [
    elementCount(shape.slice(0, first)),
    elementCount(shape.slice(first, last + 1)),
    elementCount(shape.slice(last + 1)),
  ];
}

function lowerReduce(
  context: LowerContext,
  attributes: ReduceAttributes,
  isMean: boolean,
): boolean {
  const x = context.inputs[0]!;
  const y = context.outputs[0]!;
  const short = shortName(x.format);
  const { reduced, count } = reduceGeometry(x.shape, attributes);
  const extents = collapse(x, reduced);
  if (short === undefined || extents === undefined) return false;
  const [outer, depth, inner] = extents;
  const rule =
    short === "f32" ? floatFields(isMean ? count : 1) : codeFields(context, count, isMean);
  const rows = splitRows(outer, depth * inner, TILE_ELEMENTS);
  const columns = splitRows(
    Math.ceil(inner / COLUMN_UNIT),
    outer === 1 ? depth * COLUMN_UNIT : 0,
    TILE_ELEMENTS,
  );
  context.step({
    kernel: `mean_${short}${rule.suffix}`,
    tiles: rows.tiles * columns.tiles,
    scratchBytes: 32,
    note: `${outer}x${depth}x${inner}`,
    fields: {
      x: context.input(0),
      y: context.output(0),
      outer,
      depth,
      inner,
      tileOuter: rows.tileRows,
      tileColumns: columns.tileRows * COLUMN_UNIT,
      tilesPerRow: columns.tiles,
      low: y.format.min,
      high: y.format.max,
      ...rule.fields,
    },
  });
  return true;
}

interface RuleFields {
  readonly suffix: string;
  readonly fields: StepRequest["fields"];
}

/** Float32: the limits of the codes are not used. */
function floatFields(divisor: number): RuleFields {
  return {
    suffix: "",
    fields: {
      low: 0,
      high: 0,
      scale: divisor,
      offset: 0,
      inputOffset: 0,
      q: 0,
      exponent: 0,
      zeroPoint: 0,
    },
  };
}

function codeFields(context: LowerContext, count: number, isMean: boolean): RuleFields {
  const x = declaredInput(context, 0);
  const y = declaredOutput(context, 0);
  // Codes in memory may be higher than declared: sums by this and the depth, results by this.
  const lift = context.inputs[0]!.quantization!.zeroPoint[0]! - x.quantization!.zeroPoint[0]!;
  const constants = (isMean ? meanConstants : sumConstants)(x, y, count, context.rounding);
  const none = { scale: 0, offset: 0, inputOffset: 0, q: 0, exponent: 0, zeroPoint: 0 };
  if (constants.rule === "fp32") {
    const { scale, offset } = constants;
    const raised = { inputOffset: lift * count, zeroPoint: lift };
    return { suffix: "", fields: { ...none, scale, offset, ...raised } };
  }
  const { inputOffset, multiplier, range } = constants;
  const { zeroPoint } = range;
  return { suffix: "_fixed", fields: { ...none, inputOffset, ...multiplier, zeroPoint } };
}
