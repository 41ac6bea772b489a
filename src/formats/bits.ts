/** Bit patterns and powers of two, without Math.log and Math.pow: the same on every host. */
const view = new DataView(new ArrayBuffer(8));

/** The bits of a number rounded to float32. */
export function float32Bits(value: number): number {
  view.setFloat32(0, value);
  return view.getUint32(0);
}

export function float32Value(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

/** 2^exponent, exact; exponent in [−1022, 1023]. */
export function powerOfTwo(exponent: number): number {
  view.setUint32(0, (exponent + 1023) << 20);
  view.setUint32(4, 0);
  return view.getFloat64(0);
}

/** ⌊log2 value⌋ of a finite value above 0; −1023 for everything below 2^−1022, 0 included. */
export function exponentOf(value: number): number {
  view.setFloat64(0, value);
  return ((view.getUint32(0) >>> 20) & 0x7ff) - 1023;
}

/** The next float64 toward 0 of a value above 0. */
export function previousFloat64(value: number): number {
  view.setFloat64(0, value);
  view.setBigUint64(0, view.getBigUint64(0) - 1n);
  return view.getFloat64(0);
}
