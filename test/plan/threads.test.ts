/** Plans that one thread runs are not cut for others, and give the same bytes. */
import { expect, test } from "vitest";
import { load } from "../../src/index.ts";
import { createPlan } from "../../src/plan/index.ts";
import { conv2D } from "../../src/operators/index.ts";
import { randomProblem } from "../kernels/gemm-problem.ts";
import { asInput, firstInput, goldenNetworks, networkPath } from "../model/networks.ts";

const attributes = { strides: [1, 1], dilations: [1, 1], padding: "same", activation: "none" };
const shapes = [
  { name: "a pointwise convolution", x: [1, 28, 28, 128], w: [256, 1, 1, 128] },
  { name: "one on Winograd", x: [1, 28, 28, 128], w: [128, 3, 3, 128] },
] as const;

test.each(shapes)("$name is one tile for one thread, several for two", ({ x, w }) => {
  const depth = w[1] * w[2] * w[3];
  const shape = { form: "int8", x, w, channels: w[0], depth } as const;
  const { graph } = randomProblem(conv2D, attributes as never, shape);
  const tiles = (threads: number) =>
    createPlan(graph, { rounding: "fp32", machine: { isa: "simd128", threads } }).steps.map(
      (step) => (step.kind === "kernel" ? step.tiles : 0),
    );
  expect(tiles(1)).toEqual([1]);
  expect(tiles(2)[0]).toBeGreaterThan(1);
  expect(tiles(4)).toEqual(tiles(2));
});

const network = goldenNetworks().find(({ model }) => model === "mlperf-tiny/resnet8_int8.tflite");

test.runIf(network !== undefined)(
  "a network gives the same bytes for one thread and two",
  async () => {
    const outputs: unknown[] = [];
    for (const threads of [1, 2]) {
      const model = await load(networkPath(network!), { threads, minPoolMacs: 0 });
      outputs.push(await model.run(asInput(model, firstInput(network!))));
      await model.dispose();
    }
    expect(outputs[0]).toEqual(outputs[1]);
  },
);
