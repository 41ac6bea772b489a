/** MX blocks: known answers, the rules of the standard, quality on random data. */
import { describe, expect, it } from "vitest";
import { float6_e2m3fn, int8 } from "../../src/formats/index.ts";
import {
  bitsPerValue,
  blockFormats,
  blockScaleCode,
  type BlockFormat,
  checkQuantization,
  drawSource,
  nearestBlocks,
  perBlock,
  perChannel,
  sameQuantization,
  scaleCount,
} from "../../src/quantization/index.ts";

const [mxfp8, mxfp8Wide, mxfp6Wide, mxfp6, mxfp4, mxint8] = [...blockFormats.values()] as [
  ...(readonly [BlockFormat, BlockFormat, BlockFormat]),
  ...(readonly [BlockFormat, BlockFormat, BlockFormat]),
];

function roundTrip(format: BlockFormat, given: readonly number[], depth = given.length) {
  const values = [...nearestBlocks(format, Float32Array.from(given), depth)];
  const scales: number[] = [];
  for (let row = 0; row < given.length; row += depth) {
    for (let k = 0; k < depth; k += 32) {
      const own = given.slice(row + k, row + Math.min(k + 32, depth));
      scales.push(blockScaleCode(format, Math.max(...own.map(Math.abs))));
    }
  }
  return { scales, values };
}

describe("MX blocks", () => {
  it.each<[BlockFormat, number, number[]]>([
    [mxfp4, 127, [1, -3, 6, 0.5]],
    [mxfp6, 127, [1, -3, 7, 0.25]],
    [mxfp6Wide, 125, [1, -3, 7, 0.3125]],
    [mxfp8, 121, [1, -3, 7, 0.3125]],
    [mxfp8Wide, 114, [1, -3, 7, 0.3125]],
    [mxint8, 129, [1, -3, 7, 0.3125]],
  ])("of $name hold 1, −3, 7 and 0.3", (format, scale, expected) => {
    const zeros = new Array<number>(28).fill(0);
    const { scales, values } = roundTrip(format, [1, -3, 7, 0.3, ...zeros]);
    expect(scales).toEqual([scale]);
    expect(values).toEqual([...expected, ...zeros]);
  });

  it("have a scale for every 32 values of a row, the last block short", () => {
    const values = Array.from({ length: 2 * 40 }, (_, i) => (i % 40 < 32 ? 1 : 1024));
    const { scales, values: result } = roundTrip(mxfp4, values, 40);
    expect(scales).toEqual([125, 135, 125, 135]);
    expect(result).toEqual(values);
  });

  it("are NaN where a value is no number", () => {
    expect(roundTrip(mxfp8, [1, NaN]).values).toEqual([NaN, NaN]);
    expect(roundTrip(mxfp8, [1, Infinity]).values).toEqual([NaN, NaN]);
    expect(roundTrip(mxfp4, [Infinity]).scales).toEqual([255]);
    expect(roundTrip(mxint8, [2 ** 127])).toEqual({ scales: [254], values: [2 ** 127] });
  });

  it("hold zeros and the smallest numbers with scale 2^−127", () => {
    expect(roundTrip(mxfp4, [0, 0])).toEqual({ scales: [0], values: [0, 0] });
    expect(roundTrip(mxfp8, [2 ** -136, -(2 ** -130)])).toEqual({
      scales: [0],
      values: [2 ** -136, -(2 ** -130)],
    });
    expect(roundTrip(mxfp4, [0, -0]).values).toEqual([0, -0]);
  });

  it("of mxint8 are integers of sign and magnitude", () => {
    expect(roundTrip(mxint8, [-1.999, 1.999, 1, -0.01]).values).toEqual([
      ...[-127 / 64, 127 / 64, 1, -1 / 64],
    ]);
  });

  it("refuse values that are no rows", () => {
    expect(() => nearestBlocks(mxfp4, Float32Array.of(1, 2, 3), 2)).toThrow("rows of 2 values");
  });

  it("take 4.25, 6.25 and 8.25 bits per value", () => {
    expect([mxfp4, mxfp6, mxfp8].map(bitsPerValue)).toEqual([4.25, 6.25, 8.25]);
  });

  it.each<[BlockFormat, number]>([
    [mxfp4, 18.8],
    [mxfp6, 30.9],
    [mxfp6Wide, 25.3],
    [mxfp8, 30.6],
    [mxfp8Wide, 25.3],
    // Steps of 2^(e − 6): e is 1 in 0.775 of the blocks of 32, where the largest is above 2, else 0.
    [mxint8, 41.7],
  ])("of $name have the known SQNR on Gaussian data", (format, expected) => {
    const draw = drawSource({ seed: 3, layer: 0, step: 0, stream: 0 });
    const uniform = (i: number) => (draw(i) + 0.5) / 2 ** 24;
    // Box and Muller.
    const data = Float32Array.from(
      { length: 64 * 1024 },
      (_, i) =>
        Math.sqrt(-2 * Math.log(uniform(2 * i))) * Math.cos(2 * Math.PI * uniform(2 * i + 1)),
    );
    const decoded = nearestBlocks(format, data, data.length);
    const signal = data.reduce((sum, value) => sum + value * value, 0);
    const noise = data.reduce((sum, value, i) => sum + (value - decoded[i]!) ** 2, 0);
    expect(Math.abs(10 * Math.log10(signal / noise) - expected)).toBeLessThan(0.2);
  });
});

describe("the granularity perBlock", () => {
  it("has a scale per block of the axis", () => {
    const quantization = perBlock([1, 2, 4, 8, 16, 32], 1, 32);
    expect(scaleCount(quantization, [3, 33])).toBe(6);
    expect(scaleCount(perBlock([1], 2, 32), [3, 33])).toBeUndefined();
    expect(scaleCount(perChannel([1, 2], [0, 0], 0), [2, 9])).toBe(2);
    checkQuantization(perBlock([2 ** -127, 2 ** 127], 0, 32), float6_e2m3fn);
    expect(() => checkQuantization(perBlock([0], 0, 32), int8)).toThrow("scale above 0");
  });

  it("is the same for the same axis, size and scales", () => {
    expect(sameQuantization(perBlock([1, 2], 0, 32), perBlock([1, 2], 0, 32))).toBe(true);
    expect(sameQuantization(perBlock([1, 2], 0, 32), perBlock([1, 2], 0, 16))).toBe(false);
    expect(sameQuantization(perBlock([1, 2], 0, 1), perChannel([1, 2], [0, 0], 0))).toBe(false);
  });
});
