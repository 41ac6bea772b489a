/** Pad: one pass over the result that writes border and input row by row. */
import { type PadAttributes, realZero } from "../../operators/index.ts";
import { elementCount, type TensorType } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { splitRows } from "./tiles.ts";

interface PaddedAxis {
  readonly n: number;
  readonly before: number;
  readonly after: number;
}

/** Axes of the kernel: three of rows, and the row. */
const RANK = 4;
/** About 20 µs of a contiguous copy, and what a row costs besides its bytes. */
const TILE_BYTES = 256 * 1024;
const ROW_COST = 64;

/** The kernel takes the border. */
export function fitsPad({ shape }: TensorType, { paddings }: PadAttributes): boolean {
  return joinedAxes(shape, paddings).length <= RANK;
}

export function lowerPad(context: LowerContext, { paddings }: PadAttributes): boolean {
  const x = context.inputs[0]!;
  const y = context.outputs[0]!;
  if (!fitsPad(x, { paddings }) || elementCount(y.shape) === 0) return false;
  const axes = joinedAxes(x.shape, paddings);
  const width = y.format.bits / 8;
  const full = [...Array<PaddedAxis>(RANK - axes.length).fill(WHOLE), ...axes];
  const [a, b, c, row] = full as [PaddedAxis, PaddedAxis, PaddedAxis, PaddedAxis];
  const extent = ({ n, before, after }: PaddedAxis) => before + n + after;
  const rowBytes = extent(row) * width;
  const { tileRows, tiles } = splitRows(
    extent(a) * extent(b) * extent(c),
    rowBytes + ROW_COST,
    TILE_BYTES,
  );
  const zero = realZero(x).data;
  const value =
    context.inputs[1] === undefined
      ? context.addConstant("zero", 16, (target) => target.set(new Uint8Array(zero.buffer)))
      : context.input(1);
  context.step({
    kernel: "pad_runs",
    fields: {
      x: context.input(0),
      y: context.output(0),
      value,
      width,
      m0: extent(a),
      m1: extent(b),
      m2: extent(c),
      before0: a.before,
      before1: b.before,
      before2: c.before,
      n0: a.n,
      n1: b.n,
      n2: c.n,
      beforeBytes: row.before * width,
      runBytes: row.n * width,
      afterBytes: row.after * width,
      tileRows,
    },
    tiles,
    note: paddings.map(([before, after]) => `${before}+${after}`).join(" "),
  });
  return true;
}

const WHOLE: PaddedAxis = { n: 1, before: 0, after: 0 };

/** An axis without a border is part of the one around it, counted in its elements. */
function joinedAxes(shape: readonly number[], paddings: PadAttributes["paddings"]): PaddedAxis[] {
  const axes: PaddedAxis[] = [];
  shape.forEach((n, i) => {
    const [before, after] = paddings[i]!;
    const outer = axes.at(-1);
    if (before + after > 0 || outer === undefined) axes.push({ n, before, after });
    else {
      axes[axes.length - 1] = {
        n: outer.n * n,
        before: outer.before * n,
        after: outer.after * n,
      };
    }
  });
  return axes;
}
