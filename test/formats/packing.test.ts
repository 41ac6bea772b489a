/** Codes below 8 bits: one run of bits, the first element lowest. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  float4_e2m1fn,
  float6_e2m3fn,
  float8_e4m3fn,
  fp16_e6m9,
  fp9_e5m3,
  int4,
  minifloat,
  uint2,
} from "../../src/formats/index.ts";
import {
  allocateTensor,
  byteLength,
  packBits,
  tensorFromBytes,
  unpackCodes,
} from "../../src/tensor/index.ts";

const five = minifloat({ exponentBits: 2, mantissaBits: 2 });

describe("packed codes", () => {
  it("of 6 bits lie four in three bytes", () => {
    // aaaaaa = 0b000001, bbbbbb = 0b100011, cccccc = 0b101111, dddddd = 0b111110
    const bytes = packBits(float6_e2m3fn, [0b000001, 0b100011, 0b101111, 0b111110]);
    expect([...bytes]).toEqual([0b11000001, 0b11111000, 0b11111010]);
  });

  it("of 4 bits have the first in the low nibble and a tail of 0", () => {
    expect([...packBits(float4_e2m1fn, [0x1, 0xf, 0x7])]).toEqual([0xf1, 0x07]);
    expect([...packBits(int4, [-1, 3])]).toEqual([0x3f]);
  });

  it("take no gaps below 8 bits and whole bytes above", () => {
    expect([0, 1, 2, 3, 4, 5].map((n) => byteLength(float6_e2m3fn, n))).toEqual([0, 1, 2, 3, 3, 4]);
    expect(byteLength(float8_e4m3fn, 5)).toBe(5);
    expect(byteLength(fp9_e5m3, 5)).toBe(10);
    expect(allocateTensor({ format: fp16_e6m9, shape: [3] }).data).toBeInstanceOf(Uint16Array);
  });

  it("come out as they went in", () => {
    const formats = fc.constantFrom(float4_e2m1fn, float6_e2m3fn, five, int4, uint2);
    fc.assert(
      fc.property(formats, fc.array(fc.nat(63), { maxLength: 40 }), (format, draws) => {
        const patterns = draws.map((draw) => draw % 2 ** format.bits);
        const codes = format.kind === "signed" ? patterns.map(format.decode) : patterns;
        const type = { format, shape: [codes.length] };
        const tensor = tensorFromBytes(type, packBits(format, codes));
        expect([...unpackCodes(tensor)]).toEqual(codes);
      }),
      { seed: 1 },
    );
  });
});
