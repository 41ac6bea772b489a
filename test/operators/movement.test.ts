/** What all operators that move elements have in common. */
import { describe, expect, it } from "vitest";
import { ModelError, QuantizationError, UnsupportedError } from "../../src/errors.ts";
import { bool, float32, int16, int32, int4, int64, int8, uint8 } from "../../src/formats/index.ts";
import { pack, reshape, squeeze, stridedSlice, transpose } from "../../src/operators/index.ts";
import { perChannel, perTensor } from "../../src/quantization/index.ts";
import { type Tensor } from "../../src/tensor/index.ts";
import { apply, counting, tensor, typeOf } from "./apply.ts";

/** No masks. */
const whole = { beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 };

describe("every movement", () => {
  it.each([int8, uint8, bool, int16, int32, float32, int64])("moves $name", (format) => {
    const x = counting([2, 1], format);
    const y = apply(transpose, { permutation: [1, 0] }, [x])[0]!;
    expect(y.type).toEqual({ format, shape: [1, 2] });
    expect([...y.data].map(Number)).toEqual([0, 1]);
  });

  it("keeps every bit of a float, NaN payloads too", () => {
    const bits = Uint32Array.of(0x7fc00001, 0xffa00000, 0x80000000, 0x00000001);
    const x: Tensor = { type: typeOf(float32, [4]), data: new Float32Array(bits.buffer) };
    const attributes = { ...whole, begin: [-1], end: [-9], strides: [-1] };
    const y = apply(stridedSlice, attributes, [x])[0]!;
    expect([...new Uint32Array(y.data.buffer)]).toEqual([...bits.toReversed()]);
  });

  it("refuses packed elements, another format and another quantization", () => {
    const reshaped = (x: Tensor, declared = x.type) =>
      apply(reshape, { shape: [-1] }, [x], { declared: [declared] });
    expect(() => reshaped(counting([4], int4))).toThrow(UnsupportedError);
    expect(() => reshaped(counting([4], int8), typeOf(uint8, []))).toThrow(ModelError);
    const a = typeOf(int8, [4], perTensor(0.5, 1));
    for (const other of [undefined, perTensor(0.25, 1), perTensor(0.5, 2), perTensor(NaN, 0)]) {
      expect(() => reshaped(tensor(a, []), typeOf(int8, [], other))).toThrow(QuantizationError);
    }
    const channels = typeOf(int8, [4], perChannel([1, 2, 3, 4], [0, 0, 0, 0], 0));
    expect(() => reshaped(tensor(channels, []))).toThrow(QuantizationError);
  });

  it("refuses a wrong number of inputs and outputs", () => {
    const x = counting([2]);
    expect(() => apply(reshape, { shape: [2] }, [x, x])).toThrow(ModelError);
    expect(() => apply(reshape, { shape: [2] }, [x], { declared: [] })).toThrow(ModelError);
    expect(() => apply(pack, { axis: 0 }, [], { declared: [x.type] })).toThrow(ModelError);
    const declared = { declared: [x.type] };
    expect(() => apply(squeeze, { axes: [] }, [undefined], declared)).toThrow(ModelError);
  });
});
