import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ModelError, ShapeError } from "../../src/errors.ts";
import { tapsInside, windowGeometry } from "../../src/operators/index.ts";

describe("windowGeometry", () => {
  test("puts the odd row of SAME padding at the end", () => {
    // total = (3 − 1) · 2 + 3 − 6 = 1 for 6 rows; (4 − 1) · 2 + 3 − 7 = 2 for 7 columns.
    const { output, border } = windowGeometry([6, 7], [3, 3], [2, 2], [1, 1], "same");
    expect(output).toEqual([3, 4]);
    expect(border).toEqual({ top: 0, bottom: 1, left: 1, right: 1 });
  });

  test("counts VALID windows that lie inside", () => {
    const { output, border } = windowGeometry([7, 8], [3, 2], [2, 3], [2, 1], "valid");
    expect(output).toEqual([2, 3]);
    expect(border).toEqual({ top: 0, bottom: 0, left: 0, right: 0 });
  });

  test("keeps explicit padding and says which of it a window touches", () => {
    const padding = { top: 1, bottom: 3, left: 0, right: 2 };
    const { output, border } = windowGeometry([5, 5], [3, 3], [4, 1], [1, 1], padding);
    // Windows start at rows −1, 3 and would start at 7, which leaves 7 … 9 of 9 rows: 2 outputs.
    expect(output).toEqual([2, 5]);
    expect(border).toEqual({ top: 1, bottom: 1, left: 0, right: 2 });
  });

  test("needs no more than one tap inside under large dilation", () => {
    expect(windowGeometry([3, 3], [3, 3], [1, 1], [9, 9], "same").output).toEqual([3, 3]);
  });

  test("refuses strides, dilations and windows below 1 as a wrong attribute", () => {
    const geometry = (filter: number, stride: number, dilation: number) => () =>
      windowGeometry([4, 4], [filter, 1], [stride, 1], [dilation, 1], "same");
    for (const bad of [0, -1, 1.5, NaN]) {
      expect(geometry(bad, 1, 1)).toThrow(ModelError);
      expect(geometry(1, bad, 1)).toThrow(ModelError);
      expect(geometry(1, 1, bad)).toThrow(ModelError);
    }
  });

  test("refuses a window larger than the padded input as a wrong shape", () => {
    const geometry = () => windowGeometry([8, 8], [64, 64], [1, 1], [1, 1], "valid");
    expect(geometry).toThrow(ShapeError);
  });

  test("refuses negative padding", () => {
    const padding = { top: -1, bottom: 0, left: 0, right: 0 };
    expect(() => windowGeometry([8, 8], [3, 3], [1, 1], [1, 1], padding)).toThrow(ModelError);
  });
});

test("tapsInside names exactly the taps that meet the image", () => {
  const line = fc.record({
    input: fc.integer({ min: 1, max: 12 }),
    filter: fc.integer({ min: 1, max: 6 }),
    stride: fc.integer({ min: 1, max: 4 }),
    dilation: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(line, ({ input, filter, stride, dilation }) => {
      const geometry = windowGeometry([input, 1], [filter, 1], [stride, 1], [dilation, 1], "same");
      for (let o = 0; o < geometry.output[0]; o++) {
        const inside = Array.from({ length: filter }, (_, tap) => tap).filter((tap) => {
          const row = o * stride - geometry.border.top + tap * dilation;
          return row >= 0 && row < input;
        });
        const [first, end] = tapsInside(o, input, filter, stride, dilation, geometry.border.top);
        expect(Array.from({ length: Math.max(end - first, 0) }, (_, i) => first + i)).toEqual(
          inside,
        );
      }
    }),
  );
});
