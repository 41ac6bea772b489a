/** The ends of layers whose sums are made by kernels of other layers: windows as rows, and results. */
import { copyExact, fillExact, storePart128 } from "./lanes";
import { finishFloat } from "./minifloat-output";


@unmanaged
class WindowsParameters {
  x: usize;
  y: usize;
  /** Windows, and windows of a tile. */
  m: i32;
  tileRows: i32;
  height: i32;
  width: i32;
  channels: i32;
  groups: i32;
  outHeight: i32;
  outWidth: i32;
  kernelHeight: i32;
  kernelWidth: i32;
  strideY: i32;
  strideX: i32;
  dilationY: i32;
  dilationX: i32;
  top: i32;
  left: i32;
}

/** float32 windows as rows in the order (group, kh, kw, c), 0 outside the image. */
export function windows_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<WindowsParameters>(parameters);
  const first = tile * p.tileRows;
  const last = min(first + p.tileRows, p.m);
  const pixelBytes = (p.channels as usize) << 2;
  const bytes = ((p.channels / p.groups) as usize) << 2;
  const groupBytes = ((p.kernelHeight * p.kernelWidth) as usize) * bytes;
  const zero = f32x4.splat(0);
  let to = p.y + (first as usize) * groupBytes * (p.groups as usize);
  for (let row = first; row < last; row++) {
    const line = row / p.outWidth;
    const image = (line / p.outHeight) * p.height;
    let y = (line % p.outHeight) * p.strideY - p.top;
    for (let kernelY = 0; kernelY < p.kernelHeight; kernelY++, y += p.dilationY) {
      let x = (row % p.outWidth) * p.strideX - p.left;
      for (let kernelX = 0; kernelX < p.kernelWidth; kernelX++, x += p.dilationX) {
        const isOutside = (y as u32) >= (p.height as u32) || (x as u32) >= (p.width as u32);
        let from = p.x + (((image + y) * p.width + x) as usize) * pixelBytes;
        let at = to;
        for (let group = 0; group < p.groups; group++) {
          if (isOutside) fillExact(at, zero, bytes);
          else copyExact(at, from, bytes);
          from += bytes;
          at += groupBytes;
        }
        to += bytes;
      }
    }
    to += ((p.groups - 1) as usize) * groupBytes;
  }
}


@unmanaged
class ScaleParameters {
  x: usize;
  y: usize;
  /** One of each per channel. */
  multipliers: usize;
  biases: usize;
  m: i32;
  tileRows: i32;
  channels: i32;
  low: f32;
  high: f32;
}

/** y = clamp(f32(f32(x · multiplier) + bias)), rows of channels. */
export function scale_rows_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<ScaleParameters>(parameters);
  const first = tile * p.tileRows;
  const last = min(first + p.tileRows, p.m);
  const low = f32x4.splat(p.low);
  const high = f32x4.splat(p.high);
  const bytes = (p.channels as usize) << 2;
  let x = p.x + (first as usize) * bytes;
  let y = p.y + (first as usize) * bytes;
  for (let row = first; row < last; row++) {
    for (let at: usize = 0; at < bytes; at += 16) {
      const scaled = f32x4.mul(v128.load(x + at), v128.load(p.multipliers + at));
      const value = finishFloat(scaled, v128.load(p.biases + at), low, high);
      storePart128(y + at, value, (bytes - at) as i32);
    }
    x += bytes;
    y += bytes;
  }
}
