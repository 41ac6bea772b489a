/**
 * Activations as quads: a unit is four neighbouring k as bytes, the second operand of the relaxed dot
 * with accumulation. Which of the two forms an activation takes is the machine's: see `dot-tiles.ts`.
 */

/** 16 bytes as they are stored = 4 units. */
@unmanaged
export class Quads {
  low: u64;
  high: u64;


  @inline
  widen(): v128 {
    return v128.load(changetype<usize>(this));
  }

  /** Nothing is changed: rows can be read where they lie. */
  @inline
  isRaw(): bool {
    return true;
  }


  @inline
  isNarrowed(): bool {
    return false;
  }
}

/** 16 bytes with the top bit flipped: int8 codes plus 128, or uint8 codes minus 128. */
@unmanaged
export class FlippedQuads {
  low: u64;
  high: u64;


  @inline
  widen(): v128 {
    return v128.xor(v128.load(changetype<usize>(this)), i8x16.splat(-128));
  }


  @inline
  isRaw(): bool {
    return false;
  }


  @inline
  isNarrowed(): bool {
    return false;
  }
}

/** 16 bytes that packing turns into codes of 4 bits or fewer: `narrowRow` in `low-bit.ts`. */
@unmanaged
export class NarrowedQuads {
  low: u64;
  high: u64;


  @inline
  widen(): v128 {
    return v128.load(changetype<usize>(this));
  }


  @inline
  isRaw(): bool {
    return false;
  }


  @inline
  isNarrowed(): bool {
    return true;
  }
}
