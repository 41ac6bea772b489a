/** Float formats as views; see `integer.ts`. */

/** 4 float32 = 4 units. */
@unmanaged
export class Float32 {
  low: u64;
  high: u64;


  @inline
  widen(): v128 {
    return v128.load(changetype<usize>(this));
  }


  @inline
  isNarrowed(): bool {
    return false;
  }
}
