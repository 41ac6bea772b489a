/**
 * Numbers of one format as numbers of another. float → integer cuts the fraction, saturates and
 * gives 0 for NaN; integer → integer keeps the low bits.
 */

@unmanaged
class CastParameters {
  x: usize;
  y: usize;
  count: i32;
  tileCount: i32;
}


@inline
function convert<X, Y>(value: X): Y {
  if (isFloat<X>() && sizeof<Y>() == 1) {
    const low = isSigned<Y>() ? -128 : 0;
    return <Y>min(max(<i32>value, low), low + 255);
  }
  // A cast to an integer of 32 bits is `i32.trunc_sat_f32_s`.
  return <Y>value;
}


@inline
function castTile<X, Y>(parameters: usize, tile: i32): void {
  const p = changetype<CastParameters>(parameters);
  const start = tile * p.tileCount;
  const end = min(start + p.tileCount, p.count);
  for (let i = start; i < end; i++) {
    const value = load<X>(p.x + i * sizeof<X>());
    store<Y>(p.y + i * sizeof<Y>(), convert<X, Y>(value));
  }
}

export function cast_i8_f32(parameters: usize, scratch: usize, tile: i32): void {
  castTile<i8, f32>(parameters, tile);
}

export function cast_u8_f32(parameters: usize, scratch: usize, tile: i32): void {
  castTile<u8, f32>(parameters, tile);
}

export function cast_i32_f32(parameters: usize, scratch: usize, tile: i32): void {
  castTile<i32, f32>(parameters, tile);
}

export function cast_i64_f32(parameters: usize, scratch: usize, tile: i32): void {
  castTile<i64, f32>(parameters, tile);
}

export function cast_f32_i8(parameters: usize, scratch: usize, tile: i32): void {
  castTile<f32, i8>(parameters, tile);
}

export function cast_f32_u8(parameters: usize, scratch: usize, tile: i32): void {
  castTile<f32, u8>(parameters, tile);
}

export function cast_f32_i32(parameters: usize, scratch: usize, tile: i32): void {
  castTile<f32, i32>(parameters, tile);
}

export function cast_i32_i64(parameters: usize, scratch: usize, tile: i32): void {
  castTile<i32, i64>(parameters, tile);
}

export function cast_i64_i32(parameters: usize, scratch: usize, tile: i32): void {
  castTile<i64, i32>(parameters, tile);
}
