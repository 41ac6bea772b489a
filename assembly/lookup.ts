/**
 * y[i] = table[x[i]]: every function of one 8-bit code, its table of 256 bytes made at load.
 * Scalar: two loads and a store per element; a swizzle per 16 entries would need 16 of them.
 */

@unmanaged
export class LookupParameters {
  x: usize;
  y: usize;
  table: usize;
  sizeBytes: i32;
  tileBytes: i32;
}

export function lookup_8(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<LookupParameters>(parameters);
  const table = p.table;
  const start = tile * p.tileBytes;
  let x = p.x + start;
  let y = p.y + start;
  const end = x + min(p.tileBytes, p.sizeBytes - start);
  for (const whole = end - 7; x < whole; x += 8) {
    store<u8>(y, load<u8>(table + load<u8>(x)));
    store<u8>(y, load<u8>(table + load<u8>(x, 1)), 1);
    store<u8>(y, load<u8>(table + load<u8>(x, 2)), 2);
    store<u8>(y, load<u8>(table + load<u8>(x, 3)), 3);
    store<u8>(y, load<u8>(table + load<u8>(x, 4)), 4);
    store<u8>(y, load<u8>(table + load<u8>(x, 5)), 5);
    store<u8>(y, load<u8>(table + load<u8>(x, 6)), 6);
    store<u8>(y, load<u8>(table + load<u8>(x, 7)), 7);
    y += 8;
  }
  for (; x < end; x++) store<u8>(y++, load<u8>(table + load<u8>(x)));
}
