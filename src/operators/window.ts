/**
 * Geometry of windows that slide over an image: convolution and pooling (docs/exactness.md, section 4).
 *
 *   before = padding at the top or left; output o reads rows o·stride − before + tap·dilation
 */
import { ModelError, ShapeError } from "../errors.ts";
import { checkExtents } from "./checks.ts";
import type { Extent2D, Padding } from "./operator.ts";

/** Rows above, below, columns left and right of the image that some window touches. */
export interface Border {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

export interface WindowGeometry {
  readonly input: Extent2D;
  readonly output: Extent2D;
  readonly filter: Extent2D;
  readonly strides: Extent2D;
  readonly dilations: Extent2D;
  readonly border: Border;
}

interface Line {
  readonly output: number;
  readonly before: number;
  readonly after: number;
}

function slide(
  input: number,
  filter: number,
  stride: number,
  dilation: number,
  padding: "same" | "valid" | readonly [number, number],
): Line {
  const reach = (filter - 1) * dilation + 1;
  let output: number;
  let before: number;
  if (padding === "same") {
    output = Math.ceil(input / stride);
    before = Math.floor(Math.max((output - 1) * stride + reach - input, 0) / 2);
  } else {
    const [first, last] = padding === "valid" ? [0, 0] : padding;
    before = first;
    output = Math.floor((input + first + last - reach) / stride) + 1;
  }
  if (!(output >= 1)) {
    throw new ShapeError(`expected a window of at most ${input} rows or columns, got ${reach}`);
  }
  const after = Math.max((output - 1) * stride + reach - input - before, 0);
  return { output, before, after };
}

/**
 * Where the windows lie. SAME puts the odd row of padding at the end.
 * @throws ModelError strides, dilations, filter or padding that are no positive integers
 * @throws ShapeError no window fits
 */
export function windowGeometry(
  input: Extent2D,
  filter: Extent2D,
  strides: Extent2D,
  dilations: Extent2D,
  padding: Padding,
): WindowGeometry {
  checkExtents(filter, "a window");
  checkExtents(strides, "strides");
  checkExtents(dilations, "dilations");
  checkPadding(padding);
  const explicit = typeof padding === "object";
  const vertical = explicit ? ([padding.top, padding.bottom] as const) : padding;
  const horizontal = explicit ? ([padding.left, padding.right] as const) : padding;
  const rows = slide(input[0], filter[0], strides[0], dilations[0], vertical);
  const columns = slide(input[1], filter[1], strides[1], dilations[1], horizontal);
  return {
    input,
    output: [rows.output, columns.output],
    filter,
    strides,
    dilations,
    border: { top: rows.before, bottom: rows.after, left: columns.before, right: columns.after },
  };
}

function checkPadding(padding: Padding): void {
  if (padding === "same" || padding === "valid") return;
  const { top, bottom, left, right } = padding;
  if (![top, bottom, left, right].every((value) => Number.isSafeInteger(value) && value >= 0)) {
    throw new ModelError(
      `expected padding SAME, VALID or four integers from 0, got ${JSON.stringify(padding)}`,
    );
  }
}

/** First and last + 1 tap of output `o` that meet the image of `input` rows. */
export function tapsInside(
  o: number,
  input: number,
  filter: number,
  stride: number,
  dilation: number,
  before: number,
): [first: number, end: number] {
  const start = o * stride - before;
  const first = start < 0 ? Math.ceil(-start / dilation) : 0;
  const end = Math.min(filter, Math.ceil((input - start) / dilation));
  return [Math.min(first, filter), Math.max(end, 0)];
}
