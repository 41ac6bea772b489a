/**
 * Depthwise convolution in float32. Sums start at the bias and take one rounded multiply and one
 * rounded add per tap, in the order (ky, kx); a padded tap multiplies 0.
 */
import { advance, DepthwiseParameters } from "./depthwise-rows";
import { storePart128 } from "./lanes";

export function depthwise_f32_f32_4x4(parameters: usize, scratch: usize, tile: i32): void {
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
      panelRow_f32(p, scratch, panel, channel, y + (channel << 2));
      panel += p.panelBytes;
    }
    y += rowStride;
  }
}

/** Output columns, 4 at a time, of one panel of 4 channels and one output row. */
@inline
function panelRow_f32(
  p: DepthwiseParameters,
  rows: usize,
  panel: usize,
  channel: i32,
  y: usize,
): void {
  const columnStep = p.strideX * p.channels * 4;
  const tapStep = p.dilationX * p.channels * 4;
  const bias = v128.load(panel + p.filterHeight * p.filterSteps * 16);
  const low = f32x4.splat(p.lowLimit);
  const high = f32x4.splat(p.highLimit);
  const bytes = min(p.channels - channel, 4) * 4;
  for (let ox = 0; ox < p.outputWidth; ox += 4) {
    let a0 = bias;
    let a1 = bias;
    let a2 = bias;
    let a3 = bias;
    let w = panel;
    const offset = channel * 4 + ox * columnStep;
    for (let ky = 0; ky < p.filterHeight; ky++) {
      let x = load<usize>(rows + (ky << 2)) + offset;
      for (let kx = 0; kx < p.filterSteps; kx++) {
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
        w += 16;
      }
    }
    const count = p.outputWidth - ox;
    a0 = f32x4.pmin(f32x4.pmax(a0, low), high);
    storePart128(y, a0, bytes);
    a1 = f32x4.pmin(f32x4.pmax(a1, low), high);
    if (count > 1) storePart128(y + p.yStride, a1, bytes);
    a2 = f32x4.pmin(f32x4.pmax(a2, low), high);
    if (count > 2) storePart128(y + 2 * p.yStride, a2, bytes);
    a3 = f32x4.pmin(f32x4.pmax(a3, low), high);
    if (count > 3) storePart128(y + 3 * p.yStride, a3, bytes);
    y += 4 * p.yStride;
  }
}
