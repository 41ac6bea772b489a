/**
 * Position of the largest of `length` values, the first of equals. Values side by side: find the
 * largest value, then the first place that holds it. Values `inner` apart: one after the other.
 */

@unmanaged
class ArgMaxParameters {
  x: usize;
  y: usize;
  rows: i32;
  length: i32;
  /** Values of x between neighbours of a row; rows o · inner … o · inner + inner − 1 are interleaved. */
  inner: i32;
  /** Bytes of one result: 4 or 8. */
  resultBytes: i32;
  tileRows: i32;
}


@inline
function splat<T>(value: T): v128 {
  if (isFloat<T>()) return f32x4.splat(<f32>value);
  return i8x16.splat(<i8>value);
}


@inline
function larger<T>(a: v128, b: v128): v128 {
  // pmax keeps a unless a < b: a NaN in b never wins, one in a stays, as in the scalar rule.
  if (isFloat<T>()) return f32x4.pmax(a, b);
  return isSigned<T>() ? i8x16.max_s(a, b) : i8x16.max_u(a, b);
}

/** One bit per lane where a = b. */
@inline
function equalLanes<T>(a: v128, b: v128): i32 {
  if (isFloat<T>()) return i32x4.bitmask(f32x4.eq(a, b));
  return i8x16.bitmask(i8x16.eq(a, b));
}

/** The largest lane in every lane. */
@inline
function largestLane<T>(a: v128): v128 {
  a = larger<T>(a, v128.shuffle<i64>(a, a, 1, 0));
  a = larger<T>(a, v128.shuffle<i32>(a, a, 1, 0, 3, 2));
  if (isFloat<T>()) return a;
  a = larger<T>(a, v128.shuffle<i16>(a, a, 1, 0, 3, 2, 5, 4, 7, 6));
  return larger<T>(a, v128.shuffle<i8>(a, a, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
}

/** Position in a row of at least one vector. The last vector overlaps the one before. */
@inline
function argMaxVector<T>(x: usize, length: i32): i32 {
  const lanes = 16 / <i32>sizeof<T>();
  const tail = length - lanes;
  let most = splat<T>(load<T>(x));
  for (let i = 0; i < tail; i += lanes) most = larger<T>(most, v128.load(x + i * sizeof<T>()));
  most = largestLane<T>(larger<T>(most, v128.load(x + tail * sizeof<T>())));
  for (let i = 0; i < tail; i += lanes) {
    const equal = equalLanes<T>(v128.load(x + i * sizeof<T>()), most);
    if (equal) return i + ctz(equal);
  }
  const equal = equalLanes<T>(v128.load(x + tail * sizeof<T>()), most);
  // Nothing is equal to a NaN, which then is the first value.
  return equal ? tail + ctz(equal) : 0;
}


@inline
function argMaxScalar<T>(x: usize, length: i32, stride: usize): i32 {
  let best = 0;
  let most = load<T>(x);
  for (let i = 1; i < length; i++) {
    x += stride;
    const value = load<T>(x);
    if (value > most) {
      most = value;
      best = i;
    }
  }
  return best;
}


@inline
function argMaxRows<T>(parameters: usize, tile: i32): void {
  const p = changetype<ArgMaxParameters>(parameters);
  const start = tile * p.tileRows;
  const end = min(start + p.tileRows, p.rows);
  const hasVector = p.inner == 1 && p.length * <i32>sizeof<T>() >= 16;
  for (let row = start; row < end; row++) {
    const first = (row / p.inner) * p.length * p.inner + (row % p.inner);
    const x = p.x + first * sizeof<T>();
    const y = p.y + row * p.resultBytes;
    const best = hasVector
      ? argMaxVector<T>(x, p.length)
      : argMaxScalar<T>(x, p.length, p.inner * sizeof<T>());
    if (p.resultBytes == 8) store<i64>(y, best);
    else store<i32>(y, best);
  }
}

export function arg_max_i8(parameters: usize, scratch: usize, tile: i32): void {
  argMaxRows<i8>(parameters, tile);
}

export function arg_max_u8(parameters: usize, scratch: usize, tile: i32): void {
  argMaxRows<u8>(parameters, tile);
}

export function arg_max_f32(parameters: usize, scratch: usize, tile: i32): void {
  argMaxRows<f32>(parameters, tile);
}
