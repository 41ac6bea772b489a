/**
 * Kernels of weights below 8 bits under the compiler pass that pairs vectors, in a process of its own: the
 * bits of `reference()` in a first run and when the engine has replaced its baseline code.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gemmForms, winogradKernels } from "../../src/kernels/index.ts";
import { createPlan, type Machine } from "../../src/plan/index.ts";
import { bindPlan, Runner } from "../../src/schedule/index.ts";
import { viewData } from "../../src/tensor/index.ts";
import { relaxedDotClass, setRevectorization, whyNoRevectorization } from "../../src/wasm/index.ts";
import { type LowBitProblem, lowBitProblem } from "./low-bit-problem.ts";
import { kernelsOf, loadBuilt, randomData, randomSource, referenceOutputs } from "./runner.ts";

/** Time in which a kernel of this size becomes hot. */
const HOT_MS = 100;
const hot = new Set<string>();

const machine: Machine = { isa: "relaxed", dot: relaxedDotClass() };
const names = [
  ...[...gemmForms.values()].flatMap(({ name, operations }) =>
    operations.map((operation) => `${operation}_${name}`),
  ),
  ...winogradKernels.map(({ name }) => name),
];

const weightNames = ["int4", "int2", "binary"] as const;
const activationNames = ["int8", "uint8", "int8>uint4", "uint8>uint1"] as const;
const shapes: readonly Pick<LowBitProblem, "x" | "w" | "blockSize">[] = [
  { x: [1, 9, 11, 32], w: [40, 3, 3, 32] },
  { x: [19, 192], w: [72, 192] },
  { x: [1, 192], w: [72, 192] },
  { x: [19, 192], w: [72, 192], blockSize: 64 },
];

describe.skipIf(whyNoRevectorization() !== undefined)("revectorized kernels", () => {
  beforeAll(() => setRevectorization(true));
  afterAll(() => setRevectorization(false));

  for (const weights of weightNames) {
    it.each(activationNames)(
      `of ${weights} and %s are equal, hot and cold`,
      async (activations) => {
        for (const shape of shapes) {
          const graph = lowBitProblem({ weights, activations, ...shape });
          const x = randomData(graph.values[0]!.type, randomSource(5));
          for (const rounding of ["fp32", "tflite-reference"] as const) {
            const [expected] = referenceOutputs(graph, [x], rounding);
            for (const forced of names) {
              const plan = createPlan(graph, { rounding, machine, forced });
              if (kernelsOf(plan).at(-1) !== forced) continue;
              const limits = { workers: 0, lanes: 1, maxMemoryBytes: 2 ** 30 };
              const binding = bindPlan(plan, loadBuilt(plan, "release"), limits);
              const at = (id: number) => {
                const address = binding.address(plan.places.get(id)!, 0);
                return viewData(graph.values[id]!.type, binding.program.memory.buffer, address);
              };
              const input = at(0);
              for (let i = 0; i < x.length; i++) input[i] = x[i] as never;
              const runner = await Runner.start(binding, () => undefined);
              const output = at(graph.outputs[0]!);
              runner.runSync(false);
              expect(output, forced).toEqual(expected);
              // Its code is hot in all that follow.
              const ms = hot.has(`${forced} ${rounding}`) ? 0 : HOT_MS;
              for (const end = performance.now() + ms; performance.now() < end;) {
                runner.runSync(false);
              }
              hot.add(`${forced} ${rounding}`);
              output.fill(0 as never);
              runner.runSync(false);
              expect(output, `${forced}, hot`).toEqual(expected);
              await runner.terminate();
            }
          }
        }
      },
    );
  }
});
