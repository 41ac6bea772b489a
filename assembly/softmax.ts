/**
 * Softmax of 8-bit codes over rows, rule `fp32`: with D = max − x and the table T[D] made at load,
 * y = sat(RNE(f32(T[D] · f32(1 / f32(ΣT · s_y)))) + low); the sum in float32 in index order.
 */

@unmanaged
class SoftmaxParameters {
  x: usize;
  y: usize;
  /** float32[256] */
  table: usize;
  rows: i32;
  classes: i32;
  tileRows: i32;
  /** 0x80 for uint8, else 0. */
  flip: i32;
  outputScale: f32;
}

export function softmax_i8(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<SoftmaxParameters>(parameters);
  const start = tile * p.tileRows;
  const end = min(start + p.tileRows, p.rows);
  const flip = <i8>p.flip;
  for (let row = start; row < end; row++) {
    const x = p.x + row * p.classes;
    const y = p.y + row * p.classes;
    let most: i32 = -128;
    for (let i = 0; i < p.classes; i++) most = max(most, <i32>(load<i8>(x + i) ^ flip));
    let sum: f32 = 0;
    for (let i = 0; i < p.classes; i++) {
      sum += load<f32>(p.table + ((most - <i32>(load<i8>(x + i) ^ flip)) << 2));
    }
    const inverse: f32 = 1 / (sum * p.outputScale);
    for (let i = 0; i < p.classes; i++) {
      const power = load<f32>(p.table + ((most - <i32>(load<i8>(x + i) ^ flip)) << 2));
      const share = <i32>min<f32>(nearest<f32>(power * inverse), 255);
      store<i8>(y + i, (<i8>(share - 128)) ^ flip);
    }
  }
}
