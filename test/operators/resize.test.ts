/** Resizing by hand under both rules, and what infer refuses. */
import { describe, expect, it } from "vitest";
import { ModelError, ResourceError, ShapeError } from "../../src/errors.ts";
import { float32, int16, int8, uint8 } from "../../src/formats/index.ts";
import { resizeBilinear, resizeNearestNeighbor } from "../../src/operators/index.ts";
import type { Rounding } from "../../src/quantization/index.ts";
import { applyOne, counting, tensor, typeOf } from "./apply.ts";

type Mode = "plain" | "corners" | "centres";

function attributesOf(size: readonly [number, number], mode: Mode) {
  return { size, alignCorners: mode === "corners", halfPixelCenters: mode === "centres" };
}

describe("nearest neighbour", () => {
  const row = (values: number[], to: number, mode: Mode) =>
    applyOne(resizeNearestNeighbor, attributesOf([1, to], mode), [
      tensor(typeOf(int8, [1, 1, values.length, 1]), values),
    ]).values;

  it("takes the pixel below, the pixel of the centre, or the nearest of aligned corners", () => {
    expect(row([1, 2], 4, "plain")).toEqual([1, 1, 2, 2]);
    expect(row([1, 2, 3], 2, "plain")).toEqual([1, 2]);
    expect(row([1, 2, 3], 2, "centres")).toEqual([1, 3]);
    expect(row([1, 2, 3, 4], 2, "centres")).toEqual([2, 4]);
    expect(row([1, 2, 3, 4], 2, "corners")).toEqual([1, 4]);
    // 0, 0.5, 1: a half goes away from zero.
    expect(row([1, 2], 3, "corners")).toEqual([1, 2, 2]);
    // One pixel has no corners to align.
    expect(row([1, 2, 3], 1, "corners")).toEqual([1]);
  });

  it("moves whole pixels of any format", () => {
    const x = counting([1, 1, 2, 2], int16);
    expect(applyOne(resizeNearestNeighbor, attributesOf([2, 2], "plain"), [x])).toEqual({
      shape: [1, 2, 2, 2],
      values: [0, 1, 2, 3, 0, 1, 2, 3],
    });
  });
});

describe("bilinear", () => {
  const row = (values: number[], to: number, mode: Mode, rounding: Rounding, format = int8) =>
    applyOne(
      resizeBilinear,
      attributesOf([1, to], mode),
      [tensor(typeOf(format, [1, 1, values.length, 1]), values)],
      { rounding },
    ).values;

  it("weighs neighbours by position", () => {
    for (const rounding of ["fp32", "tflite-reference"] as const) {
      expect(row([0, 100], 4, "plain", rounding)).toEqual([0, 50, 100, 100]);
      expect(row([0, 100], 4, "centres", rounding)).toEqual([0, 25, 75, 100]);
      expect(row([0, 100], 5, "corners", rounding)).toEqual([0, 25, 50, 75, 100]);
      expect(row([0, 100, 50], 1, "corners", rounding)).toEqual([0]);
      expect(row([7], 3, "centres", rounding)).toEqual([7, 7, 7]);
    }
    expect(row([0, 1], 4, "centres", "fp32", float32)).toEqual([0, 0.25, 0.75, 1]);
  });

  it("rounds ties up by rule fp32 and away from zero by rule tflite-reference", () => {
    expect(row([-1, 0], 4, "plain", "fp32")[1]).toBe(0);
    expect(row([-1, 0], 4, "plain", "tflite-reference")[1]).toBe(-1);
    expect(row([-3, 0], 4, "plain", "fp32")[1]).toBe(-1);
    expect(row([-3, 0], 4, "plain", "tflite-reference")[1]).toBe(-2);
    expect(row([1, 2], 4, "plain", "fp32", uint8)[1]).toBe(2);
    expect(row([1, 2], 4, "plain", "tflite-reference", uint8)[1]).toBe(2);
  });

  it("has weights of 1/2048 by rule fp32 and of 1/1024 by rule tflite-reference", () => {
    // Position 0.1: 205/2048 · 5 = 0.5005 and 102/1024 · 5 = 0.498.
    expect(row([0, 5], 20, "plain", "fp32")[1]).toBe(1);
    expect(row([0, 5], 20, "plain", "tflite-reference")[1]).toBe(0);
  });

  it("does not leave the image when the ratio of rule tflite-reference was rounded up", () => {
    const out = row([1, 2, 3], 4096, "plain", "tflite-reference");
    expect(out.length).toBe(4096);
    expect(out.at(-1)).toBe(3);
  });

  it("mixes four pixels, channels apart", () => {
    const x = tensor(typeOf(uint8, [1, 2, 2, 2]), [0, 255, 100, 255, 50, 255, 250, 255]);
    const { shape, values } = applyOne(resizeBilinear, attributesOf([3, 3], "corners"), [x]);
    expect(shape).toEqual([1, 3, 3, 2]);
    expect(values.filter((_, i) => i % 2 === 0)).toEqual([0, 50, 100, 25, 100, 175, 50, 150, 250]);
    expect(values.filter((_, i) => i % 2 === 1)).toEqual(Array(9).fill(255));
  });
});

describe.each([resizeBilinear, resizeNearestNeighbor])("$name", (operator) => {
  const resized = (shape: number[], size: readonly [number, number]) => () =>
    applyOne(operator, attributesOf(size, "plain"), [counting(shape, int8)]);

  it("refuses sizes that are no size, images without pixels, and both modes at once", () => {
    for (const size of [
      [0, 1],
      [1, -1],
      [1.5, 1],
      [NaN, 1],
    ] as const) {
      expect(resized([1, 1, 1, 1], size)).toThrow(ShapeError);
    }
    expect(resized([1, 0, 1, 1], [1, 1])).toThrow(ShapeError);
    expect(resized([1, 1, 1], [1, 1])).toThrow(ShapeError);
    expect(resized([1, 1, 1, 1], [2 ** 30, 2 ** 30])).toThrow(ResourceError);
    const both = { size: [1, 1] as const, alignCorners: true, halfPixelCenters: true };
    expect(() => applyOne(operator, both, [counting([1, 1, 1, 1], int8)])).toThrow(ModelError);
  });
});
