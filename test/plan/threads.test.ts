/** Plans that one thread runs are not cut for others, and give the same bytes. */
import { expect, test } from "vitest";
import { load } from "../../src/index.ts";
import { createPlan, loadLowerings } from "../../src/plan/index.ts";
import { conv2D, encodeMinifloat } from "../../src/operators/index.ts";
import { float32, float6_e2m3fn } from "../../src/formats/index.ts";
import { createNode, inferGraph } from "../../src/graph/index.ts";
import { codesOf } from "../kernels/minifloat-problem.ts";
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

test("and so is one in FP6, whose panels are opened once where several strips read them", async () => {
  const x = codesOf(float6_e2m3fn, [1, 32, 32, 128], 1).type;
  const w = codesOf(float6_e2m3fn, [256, 1, 1, 128], 2);
  const values = [
    { name: "x", type: { ...x, format: float32 } },
    { name: "codes", type: x },
    { name: "w", type: w.type, constant: w },
    { name: "y", type: { format: float32, shape: [] } },
  ];
  const nodes = [
    createNode("encode", encodeMinifloat, { saturates: true }, [0], [1]),
    createNode("conv", conv2D, attributes as never, [1, 2], [3]),
  ];
  const graph = inferGraph({
    ...{ name: "", values, nodes, inputs: [0], outputs: [3], metadata: new Map() },
  });
  const lowerings = await loadLowerings(graph);
  const steps = (threads: number) => {
    const machine = { isa: "relaxed", dot: "usdot", threads } as const;
    return createPlan(graph, { rounding: "fp32", machine, lowerings }).steps.map((step) =>
      step.kind === "kernel" ? [step.kernel, step.tiles] : [],
    );
  };
  expect(steps(1).slice(1)).toEqual([
    ["open_m6_i8_relaxed", 1],
    ["gemm_x8_w8_6x8c4_relaxed", 1],
  ]);
  expect(steps(2).at(-1)![1]).toBeGreaterThan(1);
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
