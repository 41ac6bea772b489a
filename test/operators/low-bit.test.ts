/** Convolutions on activations and weights below 8 bits, and the Quantize that makes the activations. */
import { describe, expect, it } from "vitest";
import { ModelError, QuantizationError, UnsupportedError } from "../../src/errors.ts";
import {
  binary,
  type Format,
  int32,
  int2,
  int4,
  int8,
  ternary,
  uint1,
  uint2,
  uint4,
  uint8,
} from "../../src/formats/index.ts";
import {
  conv2D,
  type Conv2DAttributes,
  fullyConnected,
  quantize,
} from "../../src/operators/index.ts";
import { perChannel, perTensor } from "../../src/quantization/index.ts";
import { packBits, type Tensor, unpackCodes } from "../../src/tensor/index.ts";
import { randomSource } from "../kernels/runner.ts";
import { apply, tensor, typeOf } from "./apply.ts";

const bytes = (format: Format) => Array.from({ length: 256 }, (_, i) => format.decode(i));

describe("Quantize to 4, 2 bits and 1", () => {
  it.each([
    [int8, uint4],
    [int8, uint2],
    [int8, uint1],
    [uint8, uint4],
    [uint8, uint2],
    [uint8, uint1],
  ])("gives each of the 256 codes as the formula has it, under both rules", (from, to) => {
    for (const multiplier of [1, 3, 12, 15, 40, 112, 255, 4096]) {
      for (const zeroPoint of [from.min, from.min + 77, from.max]) {
        for (const z of [0, 1, to.max]) {
          const x = tensor(typeOf(from, [256], perTensor(0.5, zeroPoint)), bytes(from));
          const y = typeOf(to, [], perTensor(128 / multiplier, z));
          const expected = bytes(from).map((code) => {
            const exact = z + (multiplier * (code - zeroPoint)) / 256;
            return Math.min(Math.max(Math.floor(exact + 0.5), 0), to.max);
          });
          for (const rounding of ["fp32", "tflite-reference"] as const) {
            const [result] = apply(quantize, {}, [x], { declared: [y], rounding });
            expect([...unpackCodes(result!)]).toEqual(expected);
          }
        }
      }
    }
  });

  it("refuses float32 inputs and scales that its multiplier does not reach", () => {
    const y = typeOf(uint4, [], perTensor(1, 0));
    const floats = tensor(typeOf({ ...int8, name: "float32", kind: "float" }, [2]), [0, 1]);
    expect(() => apply(quantize, {}, [floats], { declared: [y] })).toThrow(ModelError);
    for (const scale of [1 / 1024, 129]) {
      const x = tensor(typeOf(int8, [1], perTensor(scale, 0)), [0]);
      expect(() => apply(quantize, {}, [x], { declared: [y] })).toThrow(UnsupportedError);
    }
  });
});

const ACTIVATIONS = [int8, uint8, uint4, uint2, uint1];
const WEIGHTS = [int8, int4, int2, ternary, binary];
const PAIRS = ACTIVATIONS.flatMap((x) =>
  WEIGHTS.map((w) => [`${x.name} x ${w.name}`, x, w] as const),
);

/** A tensor of a format of 8 bits or fewer from its values. */
function packed(type: Tensor["type"], values: readonly number[]): Tensor {
  const { format } = type;
  const result = tensor({ ...type, format }, []);
  const codes = values.map((value) => format.encode(value));
  if (format.bits === 8) return tensor(type, values);
  (result.data as Uint8Array).set(packBits(format, codes));
  return result;
}

function levels(format: Format): number[] {
  const all = Array.from({ length: 2 ** format.bits }, (_, code) => format.decode(code));
  return all.filter((value) => !Number.isNaN(value));
}

describe("sums of low-bit codes", () => {
  it.each(PAIRS)("%s: every pair of codes has its exact product", (_, xFormat, wFormat) => {
    const xs = levels(xFormat);
    const ws = levels(wFormat);
    for (const zeroPoint of [xFormat.min, xFormat.max]) {
      const x = packed(typeOf(xFormat, [xs.length, 1], perTensor(1, zeroPoint)), xs);
      const scales = new Float32Array(ws.length).fill(1);
      const w = packed(
        typeOf(wFormat, [ws.length, 1], perChannel(scales, new Int32Array(ws.length), 0)),
        ws,
      );
      // Products of up to 2^15 in steps of 512: the codes tell all but the low bits apart.
      const declared = [typeOf(xFormat === uint8 ? uint8 : int8, [], perTensor(512, 0))];
      const attributes = { activation: "none", keepDims: false, isRequantized: true } as const;
      const [y] = apply(fullyConnected, attributes, [x, w], { declared, constants: [1] });
      const { min, max } = y!.type.format;
      xs.forEach((a, m) =>
        ws.forEach((b, n) => {
          const exact = ((a - zeroPoint) * b) / 512;
          const floor = Math.floor(exact);
          const isUp = exact - floor > 0.5 || (exact - floor === 0.5 && floor % 2 !== 0);
          const expected = Math.min(Math.max(isUp ? floor + 1 : floor, min), max);
          expect(Number(y!.data[m * ws.length + n]) + 0).toBe(expected + 0);
        }),
      );
    }
  });

  it.each(PAIRS)(
    "%s: a convolution sums its window, borders are real zeros",
    (_, xFormat, wFormat) => {
      const random = randomSource(5);
      const pick = (list: readonly number[]) => list[Math.floor(random() * list.length)]!;
      const zeroPoint = xFormat.kind === "unsigned" ? 1 : -5;
      const xs = Array.from({ length: 4 * 3 * 3 }, () => pick(levels(xFormat)));
      const ws = Array.from({ length: 2 * 3 * 3 * 3 }, () => pick(levels(wFormat)));
      const x = packed(typeOf(xFormat, [1, 4, 3, 3], perTensor(1, zeroPoint)), xs);
      const w = packed(typeOf(wFormat, [2, 3, 3, 3], perChannel([1, 1], [0, 0], 0)), ws);
      const bias = tensor(typeOf(int32, [2]), [100, -50]);
      const yFormat = xFormat === uint8 ? uint8 : int8;
      const declared = [typeOf(yFormat, [], perTensor(64, 3))];
      const attributes: Conv2DAttributes = {
        strides: [1, 1],
        dilations: [1, 1],
        padding: "same",
        activation: "none",
        isRequantized: true,
      };
      const [y] = apply(conv2D, attributes, [x, w, bias], { declared, constants: [1, 2] });
      const at = (iy: number, ix: number, c: number) =>
        iy < 0 || iy > 3 || ix < 0 || ix > 2 ? 0 : xs[(iy * 3 + ix) * 3 + c]! - zeroPoint;
      for (let oy = 0; oy < 4; oy++) {
        for (let ox = 0; ox < 3; ox++) {
          for (let o = 0; o < 2; o++) {
            let sum = [100, -50][o]!;
            for (let k = 0; k < 27; k++) {
              const [kh, kw, c] = [Math.floor(k / 9), Math.floor(k / 3) % 3, k % 3];
              sum += at(oy + kh - 1, ox + kw - 1, c) * ws[o * 27 + k]!;
            }
            // The sum is an integer: no tie is 1 / 64 away from one.
            const steps = sum / 64 + 3;
            const code = Number(y!.data[(oy * 3 + ox) * 2 + o]);
            const { min, max } = yFormat;
            const clamped = Math.min(Math.max(steps, min), max);
            expect(Math.abs(code - clamped)).toBeLessThanOrEqual(0.5);
          }
        }
      }
    },
  );
});

describe("what low-bit operands must be", () => {
  const x = tensor(typeOf(int8, [1, 4], perTensor(1, 0)), [1, 2, 3, 4]);
  const declared = [typeOf(int8, [], perTensor(1, 0))];
  const attributes = { activation: "none", keepDims: false } as const;
  const run = (w: Tensor, input: Tensor = x) =>
    apply(fullyConnected, attributes, [input, w], { declared, constants: [1] });

  it("refuses the ternary code of -2 wherever it stands", () => {
    const type = typeOf(ternary, [2, 4], perChannel([1, 1], [0, 0], 0));
    for (let i = 0; i < 8; i++) {
      const codes = [1, 3, 0, 1, 3, 3, 1, 0];
      expect(() => run({ type, data: packBits(ternary, codes) })).not.toThrow();
      codes[i] = 2;
      expect(() => run({ type, data: packBits(ternary, codes) })).toThrow(/-1, 0 and 1/);
    }
  });

  it("refuses weights without scales, or with a zero point", () => {
    for (const format of [int4, int2, ternary, binary]) {
      const bare = packed(typeOf(format, [1, 4]), [1, 1, 1, 1]);
      expect(() => run(bare)).toThrow(QuantizationError);
      const shifted = packed(typeOf(format, [1, 4], perTensor(1, 1)), [1, 1, 1, 1]);
      expect(() => run(shifted)).toThrow(/zero point 0/);
    }
  });

  it("gives activations below 8 bits an 8-bit output, and only that", () => {
    const input = packed(typeOf(uint4, [1, 4], perTensor(1, 0)), [1, 2, 3, 15]);
    const w = packed(typeOf(int4, [1, 4], perTensor(1, 0)), [1, 1, 1, -8]);
    expect([...run(w, input)[0]!.data]).toEqual([-114]);
    const options = { declared: [typeOf(uint4, [], perTensor(1, 0))], constants: [1] };
    expect(() => apply(fullyConnected, attributes, [input, w], options)).toThrow(ModelError);
  });
});

describe("the rounding rule of low-bit weights", () => {
  it("is TFLite's own kernel's for files, the plain one for weights that were re-quantized", () => {
    // s_x · s_w / s_y = 0.5: sums of odd numbers are ties.
    const x = tensor(typeOf(int8, [4, 1], perTensor(0.5, 0)), [1, 3, 5, -1]);
    const w = packed(typeOf(int4, [1, 1], perTensor(1, 0)), [1]);
    const declared = [typeOf(int8, [], perTensor(1, 0))];
    const results = [false, true].map((isRequantized) => {
      const attributes = { activation: "none", keepDims: false, isRequantized } as const;
      const [y] = apply(fullyConnected, attributes, [x, w], { declared, constants: [1] });
      return [...y!.data];
    });
    // 0.5, 1.5, 2.5, −0.5: up, and to even.
    expect(results).toEqual([
      [1, 2, 3, 0],
      [0, 2, 2, 0],
    ]);
  });
});
