/**
 * Activation and weight formats as views: a class laid over packed codes whose `widen()` gives one
 * vector of four 32-bit units. A unit holds what one multiply lane takes: two int16 for the integer
 * kernels. `offsetof<F>()` is the number of packed bytes that one `widen()` reads; `widenSecond()`
 * and so on read the vectors behind it, because the offset of a vector load must be a constant.
 * Views are laid over memory with `changetype` and never allocated.
 */

/** 8 signed bytes → 8 int16 = 4 units. */
@unmanaged
export class Int8 {
  codes: u64;


  @inline
  widen(): v128 {
    return v128.load8x8_s(changetype<usize>(this));
  }


  @inline
  widenSecond(): v128 {
    return v128.load8x8_s(changetype<usize>(this), 8);
  }


  @inline
  widenThird(): v128 {
    return v128.load8x8_s(changetype<usize>(this), 16);
  }


  @inline
  widenFourth(): v128 {
    return v128.load8x8_s(changetype<usize>(this), 24);
  }


  @inline
  isNarrowed(): bool {
    return false;
  }
}

/** 8 bytes that packing turns into codes of 4 bits or fewer (`narrowRow`) → 8 int16. */
@unmanaged
export class Narrowed {
  codes: u64;


  @inline
  widen(): v128 {
    return v128.load8x8_s(changetype<usize>(this));
  }


  @inline
  isNarrowed(): bool {
    return true;
  }
}

/** 8 unsigned bytes → 8 int16 = 4 units. Activations only. */
@unmanaged
export class UInt8 {
  codes: u64;


  @inline
  widen(): v128 {
    return v128.load8x8_u(changetype<usize>(this));
  }


  @inline
  isNarrowed(): bool {
    return false;
  }
}

/** 8 int16 as they are: weights whose zero point is already subtracted need 9 bits. */
@unmanaged
export class Int16 {
  low: u64;
  high: u64;


  @inline
  isNarrowed(): bool {
    return false;
  }


  @inline
  widen(): v128 {
    return v128.load(changetype<usize>(this));
  }


  @inline
  widenSecond(): v128 {
    return v128.load(changetype<usize>(this), 16);
  }


  @inline
  widenThird(): v128 {
    return v128.load(changetype<usize>(this), 32);
  }


  @inline
  widenFourth(): v128 {
    return v128.load(changetype<usize>(this), 48);
  }
}
