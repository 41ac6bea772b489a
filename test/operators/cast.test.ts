/** Cast between all formats, at their edges. */
import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../src/errors.ts";
import {
  bfloat16,
  bool,
  float16,
  float32,
  type Format,
  int16,
  int32,
  int4,
  int64,
  int8,
  uint8,
} from "../../src/formats/index.ts";
import { cast } from "../../src/operators/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { applyOne, tensor, typeOf } from "./apply.ts";

function converted(from: Format, to: Format, values: (number | bigint)[]) {
  const x = tensor(typeOf(from, [values.length]), values);
  return applyOne(cast, {}, [x], { declared: [typeOf(to, [])] }).values;
}

describe("cast", () => {
  it("cuts fractions, saturates, and gives 0 for NaN from float to integer", () => {
    const values = [1.9, -1.9, -0.5, 300, -300, NaN, Infinity, -Infinity];
    expect(converted(float32, int8, values)).toEqual([1, -1, 0, 127, -128, 0, 127, -128]);
    expect(converted(float32, uint8, values)).toEqual([1, 0, 0, 255, 0, 0, 255, 0]);
    expect(converted(float32, int16, [40000, -40000])).toEqual([32767, -32768]);
    expect(converted(float32, int32, [3e9, -3e9])).toEqual([2147483647, -2147483648]);
    expect(converted(float32, int64, [1.9, 1e30, -1e30, NaN])).toEqual([
      1n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      0n,
    ]);
  });

  it("keeps the low bits from integer to narrower integer", () => {
    expect(converted(int32, int8, [127, 128, -129, 256])).toEqual([127, -128, 127, 0]);
    expect(converted(int32, uint8, [-1, 257])).toEqual([255, 1]);
    expect(converted(int64, int32, [2n ** 31n, 2n ** 32n + 5n])).toEqual([-(2 ** 31), 5]);
    expect(converted(int64, uint8, [-1n, 2n ** 40n + 3n])).toEqual([255, 3]);
    expect(converted(int8, uint8, [-1])).toEqual([255]);
    expect(converted(uint8, int8, [200])).toEqual([-56]);
    expect(converted(int32, int64, [-5])).toEqual([-5n]);
  });

  it("rounds integers to float once", () => {
    expect(converted(int32, float32, [16777217, 16777219, -16777217])).toEqual([
      16777216, 16777220, -16777216,
    ]);
    // 2^60 + 2^36 is a tie between floats; one more is not, but float64 cannot hold the difference.
    expect(converted(int64, float32, [2n ** 60n + 2n ** 36n, 2n ** 60n + 2n ** 36n + 1n])).toEqual([
      2 ** 60,
      2 ** 60 + 2 ** 37,
    ]);
  });

  it("reads and writes truth as 0 and 1", () => {
    expect(converted(float32, bool, [0, -0, 0.1, NaN, -2])).toEqual([0, 0, 1, 1, 1]);
    expect(converted(int64, bool, [0n, 2n ** 40n])).toEqual([0, 1]);
    expect(converted(bool, float32, [0, 1])).toEqual([0, 1]);
  });

  it("goes through the 16-bit floats", () => {
    expect(converted(float32, float16, [1, 65536])).toEqual([0x3c00, 0x7c00]);
    expect(converted(float16, float32, [0x3c00, 0xc000])).toEqual([1, -2]);
    expect(converted(bfloat16, int8, [0xc0a0])).toEqual([-5]);
  });

  it("unpacks 4-bit codes and does not pack them", () => {
    const x: Tensor = { type: typeOf(int4, [3]), data: Uint8Array.of(0x8f, 0x07) };
    const declared = [typeOf(float32, [])];
    expect(applyOne(cast, {}, [x], { declared }).values).toEqual([-1, -8, 7]);
    expect(() => converted(int8, int4, [1])).toThrow(UnsupportedError);
  });
});
