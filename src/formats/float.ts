import { type Format, roundHalfEven } from "./format.ts";

const buffer = new DataView(new ArrayBuffer(4));

function float32Bits(value: number): number {
  buffer.setFloat32(0, value);
  return buffer.getUint32(0);
}

function float32Value(bits: number): number {
  buffer.setUint32(0, bits);
  return buffer.getFloat32(0);
}

export const float32: Format = Object.freeze<Format>({
  name: "float32",
  bits: 32,
  kind: "float",
  min: -3.4028234663852886e38,
  max: 3.4028234663852886e38,
  decode: float32Value,
  encode: float32Bits,
});

/** IEEE 754 binary16: 1-5-10, bias 15, infinities and NaN. Overflow gives infinity. */
export const float16: Format = Object.freeze<Format>({
  name: "float16",
  bits: 16,
  kind: "float",
  min: -65504,
  max: 65504,
  decode: (code) => {
    const sign = code & 0x8000 ? -1 : 1;
    const exponent = (code >> 10) & 0x1f;
    const mantissa = code & 0x3ff;
    if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
    if (exponent === 0) return sign * mantissa * 2 ** -24;
    return sign * (1024 + mantissa) * 2 ** (exponent - 25);
  },
  encode: (value) => {
    if (Number.isNaN(value)) return 0x7e00;
    const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
    const magnitude = Math.abs(value);
    if (magnitude >= 65520) return sign | 0x7c00;
    // The unit in the last place: 2^-24 for subnormals, else 2^(floor(log2) - 10).
    let unit = 2 ** -24;
    while (magnitude >= unit * 2048) unit *= 2;
    const steps = roundHalfEven(magnitude / unit);
    // steps = 1024..2048 is the mantissa with its leading one; a carry moves into the exponent.
    return sign | (Math.round(Math.log2(unit * 2 ** 24)) * 1024 + steps);
  },
});

/** The upper half of a float32, rounded to nearest even. */
export const bfloat16: Format = Object.freeze<Format>({
  name: "bfloat16",
  bits: 16,
  kind: "float",
  min: -3.3895313892515355e38,
  max: 3.3895313892515355e38,
  decode: (code) => float32Value((code << 16) >>> 0),
  encode: (value) => {
    if (Number.isNaN(value)) return 0x7fc0;
    const bits = float32Bits(value);
    return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
  },
});
