/** Philox4x32-10 by its published answers; stochastic rounding by its moments. */
import { describe, expect, it } from "vitest";
import {
  float32,
  float4_e2m1fn,
  float8_e4m3fn,
  fp16_e6m9,
  type Minifloat,
} from "../../src/formats/index.ts";
import {
  drawSource,
  keyOf,
  philox4x32,
  type PhiloxCounter,
  type PhiloxKey,
} from "../../src/quantization/index.ts";

const ONES = 0xffffffff;

describe("Philox4x32-10", () => {
  // Known answers of Random123 (kat_vectors).
  it.each<[PhiloxCounter, PhiloxKey, PhiloxCounter]>([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [ONES, ONES, ONES, ONES],
      [ONES, ONES],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])("gives the known answer of counter %j and key %j", (counter, key, words) => {
    expect(philox4x32(counter, key)).toEqual(words);
  });

  it("gives a draw by its index alone, in any order", () => {
    const stream = { seed: 2 ** 40 + 7, layer: 3, step: 5, stream: 1 };
    expect(keyOf(stream)).toEqual([7, 256]);
    const forward = drawSource(stream);
    const backward = drawSource(stream);
    const indices = Array.from({ length: 50 }, (_, i) => i * 3);
    const expected = indices.map(forward);
    expect(indices.toReversed().map(backward).toReversed()).toEqual(expected);
    expect(drawSource(stream)(6)).toBe(philox4x32([1, 3, 5, 1], [7, 256])[2] >>> 8);
  });
});

describe("stochastic rounding", () => {
  const DRAWS = 1_000_000;

  // Mean and variance of a coin with probability p, over a million draws: within 3 standard errors.
  it.each<[Minifloat, number]>([
    [fp16_e6m9, 1 + 0.3 * 2 ** -9],
    [fp16_e6m9, -1000.7],
    [float8_e4m3fn, 0.1],
    [float8_e4m3fn, 0.3 * 2 ** -9],
    [float4_e2m1fn, 4.25],
  ])("of case %# has the mean of its input and the variance of a coin", (format, input) => {
    const value = float32.decode(float32.encode(input));
    const draw = drawSource({ seed: 20181, layer: 0, step: 0, stream: 0 });
    const down = format.decode(format.encodeStochastic(value, 2 ** 24 - 1));
    const up = format.decode(format.encodeStochastic(value, 0));
    const step = Math.abs(up - down);
    const p = Math.abs(value - down) / step;
    let count = 0;
    for (let i = 0; i < DRAWS; i++) {
      const rounded = format.decode(format.encodeStochastic(value, draw(i)));
      if (rounded === up) count++;
      else if (rounded !== down) throw new Error(`${rounded} is no neighbour of ${value}`);
    }
    const mean = down + Math.sign(value) * step * (count / DRAWS);
    const standardError = step * Math.sqrt((p * (1 - p)) / DRAWS);
    expect(Math.abs(mean - value)).toBeLessThan(3 * standardError);
    const variance = (count / DRAWS) * (1 - count / DRAWS);
    expect(Math.abs(variance - p * (1 - p))).toBeLessThan(3 * Math.sqrt((p * (1 - p)) / DRAWS));
  });

  it("draws words whose bits are even and whose neighbours are not alike", () => {
    const draw = drawSource({ seed: 1, layer: 0, step: 0, stream: 0 });
    const ones = new Array<number>(24).fill(0);
    let product = 0;
    let last = 0.5;
    for (let i = 0; i < DRAWS; i++) {
      const word = draw(i);
      for (let bit = 0; bit < 24; bit++) ones[bit]! += (word >> bit) & 1;
      const centred = word / 2 ** 24 - 0.5;
      product += centred * last;
      last = centred;
    }
    // 24 bits: 4 standard errors of a fair coin; lag 1: 4 of a product of two uniform draws.
    for (const count of ones)
      expect(Math.abs(count - DRAWS / 2)).toBeLessThan(2 * Math.sqrt(DRAWS));
    expect(Math.abs(product)).toBeLessThan((4 / 12) * Math.sqrt(DRAWS));
  });
});
