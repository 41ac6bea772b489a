import { float32Bits, float32Value } from "./bits.ts";
import type { Format } from "./format.ts";

export const float32: Format = Object.freeze<Format>({
  name: "float32",
  bits: 32,
  kind: "float",
  min: -3.4028234663852886e38,
  max: 3.4028234663852886e38,
  decode: float32Value,
  // Engines differ in the NaN that they store.
  encode: (value) => (Number.isNaN(value) ? 0x7fc00000 : float32Bits(value)),
});
