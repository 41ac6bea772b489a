/** Integer formats of 4, 2 and 1 bits, all codes. */
import { describe, expect, it } from "vitest";
import {
  binary,
  type Format,
  int2,
  int4,
  ternary,
  uint1,
  uint2,
  uint4,
} from "../../src/formats/index.ts";
import { allocateTensor, byteLength, packBits, unpackCodes } from "../../src/tensor/index.ts";

/** Every value of a format, by code; NaN where the code is no number. */
const VALUES: readonly (readonly [Format, readonly number[]])[] = [
  [int4, [0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1]],
  [uint4, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]],
  [int2, [0, 1, -2, -1]],
  [uint2, [0, 1, 2, 3]],
  [uint1, [0, 1]],
  [ternary, [0, 1, NaN, -1]],
  [binary, [-1, 1]],
];
const ROWS = VALUES.map(([format, values]) => [format.name, format, values] as const);

describe("integer formats below 8 bits", () => {
  it.each(ROWS)("%s: every code has its value, every value its code", (_, format, values) => {
    expect(values).toHaveLength(2 ** format.bits);
    values.forEach((value, code) => {
      expect(format.decode(code)).toBe(value);
      if (!Number.isNaN(value)) expect(format.encode(value)).toBe(code);
    });
    const numbers = values.filter((value) => !Number.isNaN(value));
    expect([format.min, format.max]).toEqual([Math.min(...numbers), Math.max(...numbers)]);
  });

  it.each(ROWS)(
    "%s: a real number becomes the nearest value and saturates",
    (_, format, values) => {
      const numbers = values.filter((value) => !Number.isNaN(value));
      for (let x = -20; x <= 20; x += 0.125) {
        const nearest = Math.min(...numbers.map((value) => Math.abs(value - x)));
        expect(Math.abs(format.decode(format.encode(x)) - x)).toBe(nearest);
      }
      expect(format.decode(format.encode(Infinity))).toBe(format.max);
      expect(format.decode(format.encode(-Infinity))).toBe(format.min);
      expect(format.decode(format.encode(NaN))).toBe(format.min);
    },
  );

  it.each(ROWS)("%s: ties go to the even value, of binary to +1", (_, format, values) => {
    for (const value of values) {
      if (Number.isNaN(value) || !values.includes(value + 1)) continue;
      const even = value % 2 === 0 ? value : value + 1;
      expect(format.decode(format.encode(value + 0.5))).toBe(even);
    }
    if (format === binary) expect(binary.encode(0)).toBe(1);
  });

  it.each(ROWS)("%s: tensors of every length up to two bytes and one pack", (_, format, values) => {
    const codes = values.flatMap((value, code) => (Number.isNaN(value) ? [] : [code]));
    for (let length = 0; length <= 16 / format.bits + 1; length++) {
      const chosen = Array.from({ length }, (_, i) => codes[(i * 5 + 1) % codes.length]!);
      const tensor = allocateTensor({ format, shape: [length] });
      expect(tensor.data).toHaveLength(byteLength(format, length));
      (tensor.data as Uint8Array).set(packBits(format, chosen));
      expect([...unpackCodes(tensor)]).toEqual(chosen.map((code) => values[code]));
    }
  });

  it("lie in a byte with the first element lowest", () => {
    expect([...packBits(binary, [1, 0, 0, 0, 0, 0, 0, 1, 1])]).toEqual([0b10000001, 0b1]);
    expect([...packBits(ternary, [1, 3, 0, 1, 3])]).toEqual([0b01001101, 0b11]);
    expect([...packBits(uint4, [1, 15, 2])]).toEqual([0xf1, 0x02]);
  });
});
