import type { Format } from "../formats/index.ts";
import { byteLength } from "./tensor.ts";

/**
 * Bit patterns of a format below 8 bits, packed: one run of bits without gaps, the first element in the
 * lowest bits, unused bits 0. 4 bits: two codes in a byte, the first in the low nibble. 6 bits: four
 * codes in three bytes,
 *
 *     byte 0  bbaaaaaa      byte 1  ccccbbbb      byte 2  ddddddcc
 */
export function packBits(format: Format, codes: ArrayLike<number>): Uint8Array {
  const result = new Uint8Array(byteLength(format, codes.length));
  const mask = (1 << format.bits) - 1;
  for (let i = 0; i < codes.length; i++) {
    const bit = i * format.bits;
    const byte = Math.floor(bit / 8);
    const placed = (codes[i]! & mask) << (bit % 8);
    result[byte]! |= placed;
    if (placed > 0xff) result[byte + 1]! |= placed >> 8;
  }
  return result;
}
