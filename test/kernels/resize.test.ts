/** Bilinear resizing equal to its `reference()`, under both rules of rounding. */
import { describe, it } from "vitest";
import { float32, int8, uint8 } from "../../src/formats/index.ts";
import { resizeBilinear } from "../../src/operators/index.ts";
import type { Rounding } from "../../src/quantization/index.ts";
import { expectReference } from "./against-reference.ts";
import { nodeGraph } from "./runner.ts";

const KERNELS = {
  int8: "resize_bilinear_i8",
  uint8: "resize_bilinear_u8",
  float32: "resize_bilinear_f32",
};
const roundings: readonly Rounding[] = ["fp32", "tflite-reference"];
const modes = [
  [false, false],
  [true, false],
  [false, true],
] as const;

describe.each(roundings)("bilinear resizing by rule %s", (rounding) => {
  // Channels around a vector of four floats and of eight codes.
  it.each([1, 3, 4, 5, 7, 8, 9, 15, 16, 17])("blends pixels of %i channels", async (channels) => {
    for (const format of [int8, uint8, float32]) {
      for (const [alignCorners, halfPixelCenters] of modes) {
        const graph = nodeGraph(
          resizeBilinear,
          { size: [7, 12], alignCorners, halfPixelCenters },
          [{ format, shape: [2, 4, 5, channels] }],
          [{ format, shape: [] }],
        );
        const kernels = [KERNELS[format.name as keyof typeof KERNELS]];
        await expectReference(graph, { kernels, rounding });
      }
    }
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 40],
    [200, 90],
  ])("goes to %i x %i", async (height, width) => {
    for (const format of [int8, uint8, float32]) {
      for (const [alignCorners, halfPixelCenters] of modes) {
        const graph = nodeGraph(
          resizeBilinear,
          { size: [height, width], alignCorners, halfPixelCenters },
          [{ format, shape: [1, 17, 9, 21] }],
          [{ format, shape: [] }],
        );
        const kernels = [KERNELS[format.name as keyof typeof KERNELS]];
        // The largest is of several tiles.
        await expectReference(graph, { kernels, rounding, threads: height === 200 });
      }
    }
  });

  it("keeps the extremes of the format", async () => {
    for (const format of [int8, uint8]) {
      const graph = nodeGraph(
        resizeBilinear,
        { size: [5, 5], alignCorners: false, halfPixelCenters: true },
        [{ format, shape: [1, 2, 2, 9] }],
        [{ format, shape: [] }],
      );
      const data = format === int8 ? new Int8Array(36) : new Uint8Array(36);
      for (const [even, odd] of [
        [format.min, format.max],
        [format.max, format.max],
        [format.min, format.min],
      ] as const) {
        data.forEach((_, i) => (data[i] = i % 2 === 0 ? even : odd));
        const kernels = [KERNELS[format.name as keyof typeof KERNELS]];
        await expectReference(graph, { kernels, rounding, inputs: [data] });
      }
    }
  });
});
