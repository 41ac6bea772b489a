import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { load, type Model, PoolError } from "../../src/index.ts";

const digits = readFileSync(new URL("../../models/digits_int8.tflite", import.meta.url));
const image = Uint8Array.from({ length: 28 * 28 }, (_, i) => (i * 31) & 255);

/** Makes a step's first pointer leave the memory in every lane: the kernel that reads it traps. */
function breakStep(model: Model, step: number): void {
  const { program } = model.runner.binding;
  const view = new DataView(program.memory.buffer);
  for (const lane of program.laneAddresses) {
    const block = lane + program.steps[step * 3 + 1]!;
    const planned = model.plan.steps[step]!;
    if (planned.kind !== "kernel") throw new Error(`expected a kernel at step ${step}`);
    const pointer = planned.parameters.findIndex(({ kind }) => kind === "pointer");
    view.setUint32(block + pointer * 4, 0x80000000, true);
  }
}

describe("a model whose thread fails", () => {
  test("rejects the run when a worker is killed in the middle, and the next run is right", async () => {
    const model = await load(digits, { threads: 2, minPoolMacs: 0 });
    const expected = model.runSync(image);
    for (let round = 0; round < 2; round++) {
      const runs = Array.from({ length: 200 }, () => model.run(image));
      const killed = model.runner.pool!.handles[round % 2]!.terminate();
      const outcomes = await Promise.allSettled(runs);
      await killed;
      const failed = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(failed.length).toBeGreaterThan(0);
      for (const { reason } of failed) expect(reason).toBeInstanceOf(PoolError);
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") expect(outcome.value).toEqual(expected);
      }
      await expect(model.run(image)).resolves.toEqual(expected);
    }
    await model.dispose();
  });

  for (const way of ["run", "runSync", "runBatch"] as const) {
    test(`survives a kernel that traps, called by ${way}`, async () => {
      const model = await load(digits, { threads: 2, minPoolMacs: 0 });
      const expected = model.runSync(image);
      const kernels = model.plan.steps.flatMap((step, i) => (step.kind === "kernel" ? [i] : []));
      for (const step of [kernels[0]!, kernels.at(-1)!]) {
        breakStep(model, step);
        const failing =
          way === "run"
            ? model.run(image)
            : way === "runBatch"
              ? model.runBatch([image, image, image])
              : Promise.resolve().then(() => model.runSync(image));
        await expect(failing).rejects.toThrow(/trap|memory access|unreachable/);
        await expect(model.run(image)).resolves.toEqual(expected);
        expect(model.runSync(image)).toEqual(expected);
      }
      await model.dispose();
    });
  }

  test("is unhealthy after three failures in a row instead of failing for ever", async () => {
    const model = await load(digits, { threads: 2, minPoolMacs: 0 });
    const firstKernel = model.plan.steps.findIndex(({ kind }) => kind === "kernel");
    for (let i = 0; i < 3; i++) {
      breakStep(model, firstKernel);
      await expect(model.run(image)).rejects.toBeInstanceOf(PoolError);
    }
    await expect(model.run(image)).rejects.toThrow(/unhealthy/);
    await model.dispose();
  });
});
