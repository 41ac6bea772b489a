import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { load, ResourceError } from "../../src/index.ts";

const digits = readFileSync(new URL("../../models/digits_int8.tflite", import.meta.url));
const image = new Uint8Array(28 * 28).fill(90);

test("200 cycles of load, run and dispose leave memory flat", async () => {
  const cycle = async (threads: number) => {
    const model = await load(digits, { threads, minPoolMacs: 0 });
    await model.run(image);
    await model.dispose();
  };
  const measure = async () => {
    // Two turns of the event loop let ended threads go before the collection.
    for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc!();
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heap: heapUsed + external, rss };
  };
  for (let i = 0; i < 40; i++) await cycle(i % 4 === 0 ? 2 : 1);
  const before = await measure();
  for (let i = 0; i < 200; i++) await cycle(i % 4 === 0 ? 2 : 1);
  const after = await measure();
  // One leaked model is 0.3 MB of linear memory; 200 would be 60 MB.
  expect(after.heap - before.heap).toBeLessThan(4 * 2 ** 20);
  expect(after.rss - before.rss).toBeLessThan(40 * 2 ** 20);
}, 120_000);

test("a memory limit is an error before anything is allocated", async () => {
  const failing = load(digits, { limits: { memoryBytes: 65536 } });
  await expect(failing).rejects.toBeInstanceOf(ResourceError);
  await expect(failing).rejects.toMatchObject({ allowed: 65536 });
});
