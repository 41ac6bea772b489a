import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import {
  CancelledError,
  ClosedError,
  InputError,
  load,
  type LoadOptions,
  type Model,
} from "../../src/index.ts";

const digits = readFileSync(new URL("../../models/digits_int8.tflite", import.meta.url));
const open: Model[] = [];

async function loadDigits(options: LoadOptions = {}): Promise<Model> {
  const model = await load(digits, options);
  open.push(model);
  return model;
}

/** A bar whose place, length and slant depend on the seed. */
function image(seed: number): Uint8Array {
  const pixels = new Uint8Array(28 * 28);
  for (let row = 4; row < 8 + ((seed * 5) % 16); row++) {
    const column = 6 + ((seed * 3) % 14) + Math.floor((row * (seed % 5)) / 8);
    for (let width = 0; width < 4; width++) pixels[row * 28 + Math.min(column + width, 27)] = 250;
  }
  return pixels;
}

afterEach(async () => {
  for (const model of open.splice(0)) await model.dispose();
});

describe("a loaded model", () => {
  test("tells its inputs and outputs with dtype, shape, scale and zero point", async () => {
    const model = await loadDigits({ threads: 1 });
    expect(model.inputs).toHaveLength(1);
    expect(model.inputs[0]).toMatchObject({ dtype: "uint8", shape: [1, 28, 28, 1] });
    expect(model.inputs[0]!.quantization!.scale).toBeGreaterThan(0);
    expect(model.outputs[0]).toMatchObject({ dtype: "uint8", shape: [1, 10] });
  });

  test("answers concurrent runs in order, each with its own input", async () => {
    const model = await loadDigits({ threads: 2, minPoolMacs: 0 });
    const expected = [1, 2, 3, 4, 5].map((seed) => model.runSync(image(seed)));
    const results = await Promise.all([1, 2, 3, 4, 5].map((seed) => model.run(image(seed))));
    expect(results).toEqual(expected);
    expect(new Set(results.map((r) => JSON.stringify(r))).size).toBeGreaterThan(1);
  });

  test("gives the same results by run, runSync and runBatch", async () => {
    const model = await loadDigits({ threads: 3, minPoolMacs: 0 });
    const inputs = Array.from({ length: 17 }, (_, i) => image(i + 1));
    const batch = await model.runBatch(inputs);
    const single = await loadDigits({ threads: 1 });
    for (const [i, input] of inputs.entries()) {
      expect(batch[i]).toEqual(single.runSync(input));
      expect(model.runSync(input)).toEqual(batch[i]);
    }
  });

  test("answers run at once where no worker takes part, and rejects instead of throwing", async () => {
    const model = await loadDigits({ threads: 1 });
    const pixels = image(4);
    const expected = model.runSync(pixels);
    const answer = model.run(pixels);
    pixels.fill(0);
    expect(model.runSync(pixels)).not.toEqual(expected);
    await expect(answer).resolves.toEqual(expected);
    await expect(model.run(new Uint8Array(5))).rejects.toBeInstanceOf(InputError);
    await expect(model.run(null as never)).rejects.toBeInstanceOf(InputError);
  });

  test("quantizes real values and passes raw codes through", async () => {
    const model = await loadDigits({ threads: 1 });
    const { scale, zeroPoint } = model.inputs[0]!.quantization!;
    const codes = image(7);
    const real = Float32Array.from(codes, (code) => (code - zeroPoint) * scale);
    expect(model.runSync(real)).toEqual(model.runSync(codes));
  });

  test("takes a batch that the file does not state", async () => {
    const model = await loadDigits({ threads: 1, batch: 3 });
    expect(model.inputs[0]!.shape).toEqual([3, 28, 28, 1]);
    const three = new Uint8Array(3 * 28 * 28);
    [1, 2, 3].forEach((seed, i) => three.set(image(seed), i * 28 * 28));
    const name = model.outputs[0]!.name;
    const batched = model.runSync(three)[name]!;
    const single = await loadDigits({ threads: 1 });
    const singles = [1, 2, 3].flatMap((seed) => [
      ...(single.runSync(image(seed))[name] as Uint8Array),
    ]);
    expect([...(batched as Uint8Array)]).toEqual(singles);
  });

  test("refuses inputs that do not fit, saying what it expects", async () => {
    const model = await loadDigits({ threads: 1 });
    const { name } = model.inputs[0]!;
    expect(() => model.runSync(new Uint8Array(5))).toThrow(/expected 784 elements.*got 5/);
    expect(() => model.runSync(new Int8Array(784))).toThrow(/expected Uint8Array.*got Int8Array/);
    expect(() => model.runSync({ wrong: image(1) })).toThrow(InputError);
    expect(() => model.runSync({})).toThrow(`input "${name}" is missing`);
    await expect(model.run(new Int16Array(784))).rejects.toBeInstanceOf(InputError);
    expect(model.runSync({ [name]: new Uint8ClampedArray(image(1)) })).toEqual(
      model.runSync(image(1)),
    );
  });

  test("is closed after dispose, which may be called twice", async () => {
    const model = await load(digits, { threads: 2 });
    const pending = model.run(image(1));
    await Promise.all([model.dispose(), model.dispose()]);
    await expect(pending).resolves.toBeDefined();
    await expect(model.run(image(1))).rejects.toBeInstanceOf(ClosedError);
    expect(() => model.runSync(image(1))).toThrow(ClosedError);
  });

  test("gives up on an aborted signal and is right afterwards", async () => {
    const model = await loadDigits({ threads: 2, minPoolMacs: 0 });
    const expected = model.runSync(image(3));
    const abort = new AbortController();
    const run = model.run(image(3), { signal: abort.signal });
    abort.abort();
    await expect(run).rejects.toBeInstanceOf(CancelledError);
    await expect(load(digits, { signal: abort.signal })).rejects.toBeInstanceOf(CancelledError);
    await expect(model.run(image(3))).resolves.toEqual(expected);
  });

  test("reports its stages while loading", async () => {
    const stages: string[] = [];
    const model = await loadDigits({ threads: 1, onProgress: ({ stage }) => stages.push(stage) });
    expect(stages).toEqual(["import", "plan", "bind", "ready"]);
    expect(model.memory().totalBytes).toBeGreaterThan(model.memory().weightBytes);
  });

  test("profiles every step of its plan", async () => {
    const model = await loadDigits({ threads: 1 });
    const { marks } = await model.profile(image(1));
    const steps = model.steps();
    expect(steps).toHaveLength(model.plan.steps.length);
    expect(steps.some(({ macs }) => macs > 100_000)).toBe(true);
    expect(marks).toHaveLength(steps.length + 3);
    expect(marks.every((time, i) => i === 0 || time >= marks[i - 1]!)).toBe(true);
    expect(marks[0]).toBeGreaterThan(0);
  });

  test("refuses options that mean nothing", async () => {
    await expect(load(digits, { threads: 0 })).rejects.toBeInstanceOf(InputError);
    await expect(load(digits, { rounding: "up" as never })).rejects.toBeInstanceOf(InputError);
    await expect(load(digits, { isa: "avx" as never })).rejects.toBeInstanceOf(InputError);
    await expect(load(digits, { batch: 1.5 })).rejects.toBeInstanceOf(InputError);
    await expect(load(5 as never)).rejects.toBeInstanceOf(InputError);
  });
});
