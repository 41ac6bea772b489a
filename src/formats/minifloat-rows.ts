/**
 * The named minifloats. OCP and ONNX names: width, exponent, mantissa, then what differs from IEEE:
 * f finite only, n NaN of its own, uz unsigned zero.
 */
import {
  createMinifloat,
  hfp8Backward,
  hfp8Forward,
  minifloat,
  type Minifloat,
  type ReservedCodes,
} from "./minifloat.ts";

function row(
  name: string,
  exponentBits: number,
  mantissaBits: number,
  bias: number,
  reserved: ReservedCodes,
  { signed = true, saturates = true } = {},
): Minifloat {
  const facts = { exponentBits, mantissaBits, bias, reserved, signed, saturates };
  return createMinifloat(name, facts);
}

/** IEEE 754 binary16; overflow gives infinity. */
export const float16 = row("float16", 5, 10, 15, "ieee", { saturates: false });
/** The upper half of a float32; overflow gives infinity. */
export const bfloat16 = row("bfloat16", 8, 7, 127, "ieee", { saturates: false });

export const float8_e4m3fn = row("float8_e4m3fn", 4, 3, 7, "nan");
export const float8_e4m3fnuz = row("float8_e4m3fnuz", 4, 3, 8, "fnuz");
export const float8_e4m3b11fnuz = row("float8_e4m3b11fnuz", 4, 3, 11, "fnuz");
export const float8_e4m3 = row("float8_e4m3", 4, 3, 7, "ieee");
export const float8_e5m2 = row("float8_e5m2", 5, 2, 15, "ieee");
export const float8_e5m2fnuz = row("float8_e5m2fnuz", 5, 2, 16, "fnuz");
export const float8_e3m4 = row("float8_e3m4", 3, 4, 3, "ieee");
/** Scales of block formats: powers of two, no sign, no zero. */
export const float8_e8m0fnu = row("float8_e8m0fnu", 8, 0, 127, "nan", { signed: false });

export const float6_e2m3fn = row("float6_e2m3fn", 2, 3, 1, "none");
export const float6_e3m2fn = row("float6_e3m2fn", 3, 2, 3, "none");
export const float4_e2m1fn = row("float4_e2m1fn", 2, 1, 1, "none");

/** HFP8 (Sun et al. 2019) with its usual biases; `hfp8Forward(bias)` gives others. */
export const hfp8_e4m3 = hfp8Forward();
export const hfp8_e5m2 = hfp8Backward();
/** What both HFP8 formats are converted to before a product. */
export const fp9_e5m3 = minifloat({ exponentBits: 5, mantissaBits: 3 });
/** The accumulator of the same work and of Wang et al. 2018. */
export const fp16_e6m9 = minifloat({ exponentBits: 6, mantissaBits: 9 });
