/** Kernels that move bytes and compute nothing. */

/** Copies `sizeBytes` bytes, split into tiles of `tileBytes`. */
@unmanaged
class CopyParameters {
  x: usize;
  y: usize;
  sizeBytes: i32;
  tileBytes: i32;
}

/** y[i] = x[i]: a contiguous copy. */
export function copy_bytes(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<CopyParameters>(parameters);
  const start = tile * p.tileBytes;
  const size = min(p.tileBytes, p.sizeBytes - start);
  memory.copy(p.y + start, p.x + start, size);
}
