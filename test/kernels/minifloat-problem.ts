/** Random minifloat operands, and the comparison of a graph with its reference on every build. */
import { expect } from "vitest";
import { float32, isMinifloat, type Minifloat } from "../../src/formats/index.ts";
import type { Graph } from "../../src/graph/index.ts";
import type { Quantization } from "../../src/quantization/index.ts";
import { elementCount, packBits, type Tensor } from "../../src/tensor/index.ts";
import {
  kernelsOf,
  randomData,
  randomSource,
  referenceOutputs,
  runGraph,
  testBuilds,
} from "./runner.ts";

/** Random codes that are numbers; all codes with `all`. */
export function codesOf(
  format: Minifloat,
  shape: readonly number[],
  seed: number,
  quantization?: Quantization,
  all = false,
): Tensor {
  const random = randomSource(seed);
  const codes = Uint16Array.from({ length: elementCount(shape) }, () => {
    for (;;) {
      const code = Math.floor(random() * 2 ** format.bits);
      if (all || Number.isFinite(format.decode(code))) return code;
    }
  });
  const data =
    format.bits > 8 ? codes : format.bits === 8 ? Uint8Array.from(codes) : packBits(format, codes);
  return { type: { format, shape, ...(quantization ? { quantization } : {}) }, data };
}

export function floats(shape: readonly number[], seed: number, span = 2): Tensor {
  const random = randomSource(seed);
  const data = Float32Array.from({ length: elementCount(shape) }, () => (random() * 2 - 1) * span);
  return { type: { format: float32, shape }, data };
}

/** Equal bits on all builds; returns the kernels of the plain and of the relaxed build. */
export async function expectEqual(
  graph: Graph,
  forced?: string,
  isAlone = true,
): Promise<string[]> {
  const { type } = graph.values[0]!;
  const { format, shape } = type;
  const x = isMinifloat(format)
    ? codesOf(format, shape, 9).data
    : format.kind === "float"
      ? floats(shape, 9).data
      : randomData(type, randomSource(9));
  const expected = referenceOutputs(graph, [x]);
  const kernels = new Set<string>();
  for (const build of testBuilds) {
    for (const workers of build === "release-relaxed" ? [0, 1] : [0]) {
      const options = { build, workers, isAlone, ...(forced === undefined ? {} : { forced }) };
      const { plan, outputs } = await runGraph(graph, [x], options);
      for (const kernel of kernelsOf(plan)) kernels.add(kernel);
      outputs.forEach((output, i) => {
        const wrong = (output as Float32Array).findIndex((v, k) => !Object.is(v, expected[i]![k]));
        expect(
          wrong,
          `${build}, ${workers} workers: ${output[wrong]} for ${expected[i]![wrong]}`,
        ).toBe(-1);
      });
    }
  }
  return [...kernels];
}
