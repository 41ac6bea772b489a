/**
 * Depthwise convolution in float32. Sums start at the bias and take one rounded multiply and one
 * rounded add per tap, in the order (ky, kx); a padded tap multiplies 0.
 *
 * 4 channels of 8 columns, 8 sums that share each weight, so that pointers and counters cost half of
 * what they do for 4:
 *
 *     w[ky, kx]   · │ x[0] x[1] … x[7] │   +=  8 sums of 4 channels, 1 weight, 1 value: 11 of 15 vectors
 *
 * Where filters are 3 wide and a step is as far as a tap, one value serves three of the sums. The last 4
 * columns or fewer of a row take 4 sums.
 */
import { advance, DepthwiseParameters } from "./depthwise-rows";
import { storePart128 } from "./lanes";

export function depthwise_f32_f32_4x8(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<DepthwiseParameters>(parameters);
  const n = tile / p.tilesPerImage;
  const start = (tile % p.tilesPerImage) * p.tileRows;
  const end = min(start + p.tileRows, p.outputHeight);
  const image = p.x + n * p.inputHeight * p.inputWidth * p.xStride;
  const rowStride = p.outputWidth * p.yStride;
  let y = p.y + (n * p.outputHeight + start) * rowStride;
  let next = 0;
  const pad = f32x4.splat(0);
  for (let oy = start; oy < end; oy++) {
    next = advance<f32>(p, scratch, image, oy, next, pad);
    let panel = p.panels;
    for (let channel = 0; channel < p.channels; channel += 4) {
      panelRow(p, scratch, panel, channel, y + (channel << 2));
      panel += p.panelBytes;
    }
    y += rowStride;
  }
}

/** One output row of one panel of 4 channels. */
@inline
function panelRow(p: DepthwiseParameters, rows: usize, panel: usize, channel: i32, y: usize): void {
  const columnStep = p.strideX * p.channels * 4;
  const bytes = min(p.channels - channel, 4) * 4;
  let offset = channel * 4;
  let left = p.outputWidth;
  for (; left > 4; left -= 8) {
    eightColumns(p, rows, panel, offset, columnStep, y, bytes, left);
    offset += 8 * columnStep;
    y += 8 * p.yStride;
  }
  if (left > 0) fourColumns(p, rows, panel, offset, columnStep, y, bytes, left);
}

/** The clamp, and up to 4 channels of one column. */
@inline
function storeColumn(p: DepthwiseParameters, y: usize, sum: v128, bytes: i32): void {
  const low = v128.load32_splat(changetype<usize>(p), offsetof<DepthwiseParameters>("lowLimit"));
  const high = v128.load32_splat(changetype<usize>(p), offsetof<DepthwiseParameters>("highLimit"));
  const clamped = f32x4.pmin(f32x4.pmax(sum, low), high);
  if (bytes == 16) v128.store(y, clamped);
  else storePart128(y, clamped, bytes);
}

/** The taps of 8 columns; `left` of them lie in the row. */
@inline
function eightColumns(
  p: DepthwiseParameters,
  rows: usize,
  panel: usize,
  offset: i32,
  columnStep: i32,
  y: usize,
  bytes: i32,
  left: i32,
): void {
  const tapStep = p.dilationX * p.channels * 4;
  const filterWidth = p.filterSteps;
  const lastRow = rows + (p.filterHeight << 2);
  let a0 = v128.load(panel + p.filterHeight * filterWidth * 16);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let a4 = a0;
  let a5 = a0;
  let a6 = a0;
  let a7 = a0;
  let w = panel;
  if (filterWidth == 3 && tapStep == columnStep) {
    // Neighbouring windows share two of three columns.
    for (let row = rows; row < lastRow; row += 4) {
      const w0 = v128.load(w);
      const w1 = v128.load(w, 16);
      const w2 = v128.load(w, 32);
      w += 48;
      let at = load<usize>(row) + offset;
      const x0 = v128.load(at);
      a0 = f32x4.add(a0, f32x4.mul(x0, w0));
      at += columnStep;
      const x1 = v128.load(at);
      a0 = f32x4.add(a0, f32x4.mul(x1, w1));
      a1 = f32x4.add(a1, f32x4.mul(x1, w0));
      at += columnStep;
      const x2 = v128.load(at);
      a0 = f32x4.add(a0, f32x4.mul(x2, w2));
      a1 = f32x4.add(a1, f32x4.mul(x2, w1));
      a2 = f32x4.add(a2, f32x4.mul(x2, w0));
      at += columnStep;
      const x3 = v128.load(at);
      a1 = f32x4.add(a1, f32x4.mul(x3, w2));
      a2 = f32x4.add(a2, f32x4.mul(x3, w1));
      a3 = f32x4.add(a3, f32x4.mul(x3, w0));
      at += columnStep;
      const x4 = v128.load(at);
      a2 = f32x4.add(a2, f32x4.mul(x4, w2));
      a3 = f32x4.add(a3, f32x4.mul(x4, w1));
      a4 = f32x4.add(a4, f32x4.mul(x4, w0));
      at += columnStep;
      const x5 = v128.load(at);
      a3 = f32x4.add(a3, f32x4.mul(x5, w2));
      a4 = f32x4.add(a4, f32x4.mul(x5, w1));
      a5 = f32x4.add(a5, f32x4.mul(x5, w0));
      at += columnStep;
      const x6 = v128.load(at);
      a4 = f32x4.add(a4, f32x4.mul(x6, w2));
      a5 = f32x4.add(a5, f32x4.mul(x6, w1));
      a6 = f32x4.add(a6, f32x4.mul(x6, w0));
      at += columnStep;
      const x7 = v128.load(at);
      a5 = f32x4.add(a5, f32x4.mul(x7, w2));
      a6 = f32x4.add(a6, f32x4.mul(x7, w1));
      a7 = f32x4.add(a7, f32x4.mul(x7, w0));
      at += columnStep;
      const x8 = v128.load(at);
      a6 = f32x4.add(a6, f32x4.mul(x8, w2));
      a7 = f32x4.add(a7, f32x4.mul(x8, w1));
      at += columnStep;
      const x9 = v128.load(at);
      a7 = f32x4.add(a7, f32x4.mul(x9, w2));
    }
  } else {
    for (let row = rows; row < lastRow; row += 4) {
      let x = load<usize>(row) + offset;
      for (const end = w + filterWidth * 16; w < end; w += 16) {
        const tap = v128.load(w);
        let at = x;
        a0 = f32x4.add(a0, f32x4.mul(v128.load(at), tap));
        at += columnStep;
        a1 = f32x4.add(a1, f32x4.mul(v128.load(at), tap));
        at += columnStep;
        a2 = f32x4.add(a2, f32x4.mul(v128.load(at), tap));
        at += columnStep;
        a3 = f32x4.add(a3, f32x4.mul(v128.load(at), tap));
        at += columnStep;
        a4 = f32x4.add(a4, f32x4.mul(v128.load(at), tap));
        at += columnStep;
        a5 = f32x4.add(a5, f32x4.mul(v128.load(at), tap));
        at += columnStep;
        a6 = f32x4.add(a6, f32x4.mul(v128.load(at), tap));
        at += columnStep;
        a7 = f32x4.add(a7, f32x4.mul(v128.load(at), tap));
        x += tapStep;
      }
    }
  }
  const yStride = p.yStride;
  storeColumn(p, y, a0, bytes);
  storeColumn(p, y + yStride, a1, bytes);
  storeColumn(p, y + 2 * yStride, a2, bytes);
  storeColumn(p, y + 3 * yStride, a3, bytes);
  storeColumn(p, y + 4 * yStride, a4, bytes);
  if (left > 5) storeColumn(p, y + 5 * yStride, a5, bytes);
  if (left > 6) storeColumn(p, y + 6 * yStride, a6, bytes);
  if (left > 7) storeColumn(p, y + 7 * yStride, a7, bytes);
}

/** The taps of 4 columns; `left` of them lie in the row. */
@inline
function fourColumns(
  p: DepthwiseParameters,
  rows: usize,
  panel: usize,
  offset: i32,
  columnStep: i32,
  y: usize,
  bytes: i32,
  left: i32,
): void {
  const tapStep = p.dilationX * p.channels * 4;
  const filterWidth = p.filterSteps;
  const lastRow = rows + (p.filterHeight << 2);
  let a0 = v128.load(panel + p.filterHeight * filterWidth * 16);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let w = panel;
  for (let row = rows; row < lastRow; row += 4) {
    let x = load<usize>(row) + offset;
    for (const end = w + filterWidth * 16; w < end; w += 16) {
      const tap = v128.load(w);
      let at = x;
      a0 = f32x4.add(a0, f32x4.mul(v128.load(at), tap));
      at += columnStep;
      a1 = f32x4.add(a1, f32x4.mul(v128.load(at), tap));
      at += columnStep;
      a2 = f32x4.add(a2, f32x4.mul(v128.load(at), tap));
      at += columnStep;
      a3 = f32x4.add(a3, f32x4.mul(v128.load(at), tap));
      x += tapStep;
    }
  }
  const yStride = p.yStride;
  storeColumn(p, y, a0, bytes);
  if (left > 1) storeColumn(p, y + yStride, a1, bytes);
  if (left > 2) storeColumn(p, y + 2 * yStride, a2, bytes);
  if (left > 3) storeColumn(p, y + 3 * yStride, a3, bytes);
}
