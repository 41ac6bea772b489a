/** ArgMax: ties, NaN, axes, and what infer refuses. */
import { describe, expect, it } from "vitest";
import { ModelError, ShapeError } from "../../src/errors.ts";
import { bfloat16, float32, int32, int64, int8 } from "../../src/formats/index.ts";
import { argMax } from "../../src/operators/index.ts";
import { applyOne, counting, tensor, typeOf } from "./apply.ts";

const asInt32 = { declared: [typeOf(int32, [])] };

describe("arg max", () => {
  it("gives the first of equals along an axis", () => {
    const x = tensor(typeOf(int8, [2, 3]), [1, 5, 5, -1, -3, -1]);
    expect(applyOne(argMax, { axis: -1 }, [x], asInt32)).toEqual({ shape: [2], values: [1, 0] });
    expect(applyOne(argMax, { axis: 0 }, [x], { declared: [typeOf(int64, [])] })).toEqual({
      shape: [3],
      values: [0n, 0n, 0n],
    });
  });

  it("compares 64-bit integers exactly", () => {
    const x = tensor(typeOf(int64, [2]), [2n ** 60n, 2n ** 60n + 1n]);
    expect(applyOne(argMax, { axis: 0 }, [x], asInt32)).toEqual({ shape: [], values: [1] });
  });

  it("keeps a NaN that is first and passes over later ones", () => {
    const x = tensor(typeOf(float32, [2, 3]), [NaN, 1, 2, 0, NaN, 1]);
    expect(applyOne(argMax, { axis: 1 }, [x], asInt32).values).toEqual([0, 2]);
  });

  it("refuses an axis outside or without elements, and other formats", () => {
    const x = counting([2, 0]);
    expect(() => applyOne(argMax, { axis: 2 }, [x], asInt32)).toThrow(ShapeError);
    expect(() => applyOne(argMax, { axis: 1 }, [x], asInt32)).toThrow(ShapeError);
    expect(applyOne(argMax, { axis: 0 }, [x], asInt32).shape).toEqual([0]);
    expect(() => applyOne(argMax, { axis: 0 }, [counting([2], bfloat16)], asInt32)).toThrow(
      ModelError,
    );
    expect(() => applyOne(argMax, { axis: 0 }, [counting([2], float32)])).toThrow(ModelError);
  });
});
