/** What one code of a number format means. One row per format; everything else is derived. */
export interface Format {
  /** Standard name: "int4", "float16", … */
  readonly name: string;
  /** Bits of one code. Formats below 8 bits are stored packed, first element in the lowest bits. */
  readonly bits: number;
  readonly kind: "signed" | "unsigned" | "float";
  /** Smallest and largest finite value. */
  readonly min: number;
  readonly max: number;
  /** Exact value of a code (a bit pattern in the low `bits` bits). */
  decode(code: number): number;
  /**
   * Nearest code, ties to even, saturating (float16 and bfloat16: infinity); NaN gives the lowest
   * value of an integer format.
   */
  encode(value: number): number;
}

/** Nearest integer, ties to even. Exact for every double. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction < 0.5) return floor;
  if (fraction > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
