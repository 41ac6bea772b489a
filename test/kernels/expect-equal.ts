/** The one assertion of the tests of matrix products and convolutions. */
import { expect } from "vitest";
import type { randomProblem } from "./gemm-problem.ts";
import { kernelsOf, randomData, referenceOutputs, type RunOptions, runGraph } from "./runner.ts";

/** Runs the graph on random input and expects the bits of `reference()`, from `kernel`'s steps alone. */
export async function expectEqual(
  { graph, random }: ReturnType<typeof randomProblem>,
  kernel: string,
  options: RunOptions = {},
): Promise<void> {
  const inputs = graph.inputs.map((id) => randomData(graph.values[id]!.type, random));
  const { plan, outputs } = await runGraph(graph, inputs, { ...options, forced: kernel });
  expect(new Set(kernelsOf(plan))).toEqual(new Set([kernel]));
  const expected = referenceOutputs(graph, inputs, options.rounding);
  expect(outputs.map(bits)).toEqual(expected.map(bits));
}

function bits(data: {
  buffer: ArrayBufferLike;
  byteOffset: number;
  byteLength: number;
}): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
