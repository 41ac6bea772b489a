/**
 * Parameter blocks of the kernels: classes laid over 4-byte fields in linear memory. Field order is
 * the contract with `src/kernels/table.ts`; a test compares both.
 */

/** Copies `sizeBytes` bytes, split into tiles of `tileBytes`. */
@unmanaged
export class CopyParameters {
  x: usize;
  y: usize;
  sizeBytes: i32;
  tileBytes: i32;
}
