/** In a process of its own: a fault that was found keeps the pass off for good. */
import { expect, test } from "vitest";
import { load } from "../../src/index.ts";
import { createEngine } from "../../src/model/engine.ts";
import { planModel } from "../../src/model/index.ts";
import { differingKernels } from "../../src/model/self-check.ts";
import { whyNoRevectorization } from "../../src/wasm/index.ts";

const digits = new URL("../../models/digits_int8.tflite", import.meta.url);

test.skipIf(whyNoRevectorization() !== undefined)(
  "a kernel whose hot code gives one other bit keeps revectorization off, and says so",
  async () => {
    const { graph, plan } = await planModel(digits, { isa: "simd128", threads: 1 });
    const options = {
      graph,
      plan,
      rounding: "fp32" as const,
      isa: "simd128" as const,
      threads: 1,
      memoryBytes: 2 ** 30,
      createWorker: undefined,
      minPoolMacs: undefined,
      revectorize: true,
    };
    const panels = plan.constants.find(({ label }) => label.includes("panels"))!;
    let found: readonly string[] = [];
    const faulty = createEngine({
      ...options,
      compareKernels: (hot, fresh) => {
        // What a wrong instruction would do: in the hot module's memory one weight differs.
        const { layout, program } = hot.binding;
        const memory = new Int8Array(program.memory.buffer);
        const address = layout.constantAddress + panels.offset;
        memory[address] = memory[address]! ^ 0x40;
        found = differingKernels(hot, fresh);
        return [...found];
      },
    });
    const runner = await faulty.start(() => undefined);
    expect(found).toHaveLength(1);
    expect(faulty.diagnostics).toEqual([`not revectorized: its results differ in ${found[0]}`]);
    await runner.terminate();

    // The memory that runs is another one, without the fault; later models do not try again.
    const pixels = Uint8Array.from({ length: 28 * 28 }, (_, i) => (i * 37) % 256);
    const plain = await load(digits, { threads: 1, isa: "simd128" });
    const after = await load(digits, { threads: 1, isa: "simd128", revectorize: true });
    expect(after.diagnostics).toEqual(faulty.diagnostics);
    expect(after.runSync(pixels)).toEqual(plain.runSync(pixels));
    await plain.dispose();
    await after.dispose();
  },
);
