/** What a caller can get wrong: each is a typed error that says what was expected, and the model works on. */
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  BitlaneError,
  CancelledError,
  ClosedError,
  FormatError,
  InputError,
  load,
  type LoadOptions,
  type Model,
  type ModelSource,
} from "../../src/index.ts";

const digits = readFileSync(new URL("../../models/digits_int8.tflite", import.meta.url));
const pixels = () => new Uint8Array(28 * 28);

/** What a promise is rejected with; fails if it is not, or with what is no error of bitlane. */
async function errorOf(promise: Promise<unknown>): Promise<BitlaneError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(BitlaneError);
  return outcome as BitlaneError;
}

describe("a source that is none", () => {
  const detached = new ArrayBuffer(64);
  structuredClone(detached, { transfer: [detached] });
  const read = new Response(digits);
  const reading = new Response(digits);
  reading.body!.getReader();
  const failing = new Response(
    new ReadableStream({ pull: (controller) => controller.error(new Error("net down")) }),
  );
  beforeAll(() => read.arrayBuffer());

  it.each<[string, unknown, new (message: string) => BitlaneError, RegExp]>([
    ["no bytes", new Uint8Array(), FormatError, /expected a model file \(tflite\), got 0 bytes/],
    ["a detached buffer", detached, FormatError, /got 0 bytes/],
    ["a folder", "/", FormatError, /expected a readable file/],
    ["an address that is none", "file://%", FormatError, /expected a readable file/],
    ["a status", new Response("", { status: 404 }), FormatError, /got HTTP status 404/],
    [
      "a body that breaks off",
      failing,
      FormatError,
      /expected all of a model, got Error: net down/,
    ],
    ["a body that was read", read, InputError, /a Response that nobody has read/],
    ["a body that is being read", reading, InputError, /a Response that nobody has read/],
    ["shared bytes", new Uint8Array(new SharedArrayBuffer(8)), InputError, /that nobody else can/],
    ["null", null, InputError, /expected a model as bytes.*got Null/],
    ["an object without prototype", Object.create(null), InputError, /got Object/],
  ])("is refused: %s", async (_, source, type, message) => {
    const error = await errorOf(load(source as ModelSource));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
  });
});

describe("a source that comes slowly", () => {
  /** Sends the first bytes of a body and keeps it open. */
  const started: ServerResponse[] = [];
  const server = createServer((_, response) => {
    response.setHeader("content-length", digits.length);
    response.write(digits.subarray(0, 100));
    started.push(response);
  });
  let address = "";

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each<[string, () => Promise<ModelSource> | ModelSource]>([
    ["an address", () => address],
    ["a request", () => new Request(address)],
    ["a response", () => fetch(address)],
  ])("is given up when the signal says so: %s", async (_, source) => {
    const abort = new AbortController();
    const onProgress = () => abort.abort();
    const error = await errorOf(load(await source(), { signal: abort.signal, onProgress }));
    expect(error).toBeInstanceOf(CancelledError);
  });

  it("is no model when it is cut off", async () => {
    const onProgress = () => started.at(-1)!.destroy();
    const error = await errorOf(load(address, { onProgress }));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain(address);
  });
});

describe("options", () => {
  it.each<[string, unknown, RegExp]>([
    ["null", null, /^options: expected an object, got Null/],
    ["a name that is none", { thread: 2 }, /expected one of .*threads.*, got "thread"/],
    ["a type", { threads: "2" }, /^threads: expected a value of type number, got String/],
    ["a word for false", { deterministic: "no" }, /^deterministic: .*type boolean, got String/],
    ["null as a value", { batch: null }, /^batch: .*got Null/],
    ["a signal that is none", { signal: {} }, /^signal: expected an AbortSignal, got Object/],
    ["a listener that is none", { onProgress: 5 }, /^onProgress: .*function, got Number/],
    ["limits that are none", { limits: null }, /^limits: .*got Null/],
    ["threads", { threads: 1.5 }, /^threads: expected an integer in \[1, 64\], got 1.5/],
    ["a shape that is none", { inputShapes: { keras_tensor_23: 5 } }, /expected an array, got N/],
    ["samples that are none", { weights: "float8_e4m3fn", calibrate: {} }, /^calibrate: .*got Obj/],
    ["a count that is none", { minPoolMacs: NaN }, /^minPoolMacs: .* 0 or more, got NaN/],
    ["a count below 0", { minPoolMacs: -1 }, /^minPoolMacs: .* 0 or more, got -1/],
    ["a kernel that is none", { forcedKernel: "gemm" }, /^forcedKernel: .*kernel, got "gemm"/],
    ["inputs of minifloats without any", { inputs: "float32" }, /^weights: expected a minifloat/],
  ])("are refused: %s", async (_, options, message) => {
    const error = await errorOf(load(digits, options as LoadOptions));
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toMatch(message);
  });

  it("that are undefined are the defaults", async () => {
    const model = await load(digits, {
      threads: undefined,
      weights: undefined,
    } as unknown as LoadOptions);
    await model.dispose();
  });

  it("force a kernel, which layers that it does not fit do without", async () => {
    for (const forcedKernel of ["igemm_i8_i8_4x8c2", "gemm_f32_f32_5x8c1", "decode_m8_f32"]) {
      const model = await load(digits, { forcedKernel, minPoolMacs: Infinity });
      expect(await model.run(pixels())).toBeDefined();
      await model.dispose();
    }
  });

  it("end what is under way when the signal comes while threads start", async () => {
    const abort = new AbortController();
    const onProgress: LoadOptions["onProgress"] = ({ stage }) => {
      if (stage === "bind") abort.abort();
    };
    const options = { threads: 2, minPoolMacs: 0, signal: abort.signal, onProgress };
    expect(await errorOf(load(digits, options))).toBeInstanceOf(CancelledError);
  });

  it("with workers that are none leave one thread and say so", async () => {
    const createWorker = (() => ({})) as never;
    const model = await load(digits, { threads: 2, minPoolMacs: 0, createWorker });
    expect(model.threads).toBe(1);
    expect(model.diagnostics.join()).toMatch(/^one thread: expected 2 workers to start/);
    expect(await model.run(pixels())).toBeDefined();
    await model.dispose();
  });
});

describe.each([1, 2])("calls of a model on %i threads", (threads) => {
  const open = () => load(digits, { threads, minPoolMacs: 0 });
  let model: Model;
  beforeAll(async () => {
    model = await open();
  });
  afterAll(() => model.dispose());

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ["nothing", () => model.run(undefined as never), /expected inputs by name .*got Undefined/],
    ["a list", () => model.run([1, 2] as never), /expected inputs by name .*got Array/],
    ["a Map", () => model.run(new Map() as never), /expected inputs by name .*got Map/],
    ["a view", () => model.run(new DataView(new ArrayBuffer(784)) as never), /got DataView/],
    ["numbers", () => model.run({ keras_tensor_23: [1] as never }), /Float32Array .*got Array/],
    ["no array", () => model.run({ keras_tensor_23: null as never }), /got Null/],
    ["a signal", () => model.run(pixels(), { signal: {} as never }), /expected an AbortSignal/],
    ["no list", () => model.runBatch(pixels() as never), /array of inputs, got Uint8Array/],
    ["one of many", () => model.runBatch([pixels(), new Uint8Array(3)]), /784 elements .*got 3/],
  ])("are refused: %s", async (_, call, message) => {
    const error = await errorOf(call());
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toMatch(message);
    expect(await model.run(pixels())).toBeDefined();
  });

  it("take any kind of the array that they ask for", async () => {
    const expected = await model.run(pixels());
    expect(await model.run(Buffer.alloc(784))).toEqual(expected);
    expect(await model.run(new Uint8Array(new SharedArrayBuffer(784)))).toEqual(expected);
  });

  it("compute NaN as the lowest code and infinities as the ends of the range", async () => {
    const nan = await model.run(new Float32Array(784).fill(NaN));
    expect(await model.run(pixels())).toEqual(nan);
    expect(await model.run(new Float32Array(784).fill(-Infinity))).toEqual(nan);
    const most = await model.run(pixels().fill(255));
    expect(await model.run(new Float32Array(784).fill(Infinity))).toEqual(most);
  });

  it("give up a batch on an aborted signal", async () => {
    const batch = model.runBatch([pixels(), pixels(), pixels()], { signal: AbortSignal.abort() });
    expect(await errorOf(batch)).toBeInstanceOf(CancelledError);
    expect(await model.runBatch([pixels()])).toEqual([await model.run(pixels())]);
  });

  it("are refused once the model is disposed", async () => {
    const closed = await open();
    const running = closed.run(pixels(), { signal: new AbortController().signal });
    const ended = vi.fn();
    void running.then(ended);
    const disposed = closed.dispose();
    for (const call of [
      () => closed.run(pixels()),
      () => closed.runBatch([]),
      () => closed.profile(pixels()),
    ]) {
      expect(await errorOf(call())).toBeInstanceOf(ClosedError);
    }
    await Promise.all([disposed, closed.dispose()]);
    expect(ended).toHaveBeenCalled();
    expect(() => closed.runSync(pixels())).toThrow(ClosedError);
    expect(() => closed.memory()).toThrow(ClosedError);
    expect(() => closed.threads).toThrow(ClosedError);
  });
});

it("an error has the name of its class in a bundle that renames it", () => {
  const Renamed = { a: class extends InputError {} }.a;
  expect(new Renamed("").name).toBe("InputError");
  expect(String(new FormatError("x: expected y"))).toBe("FormatError: x: expected y");
  expect(new FormatError("")).toMatchObject({ name: "FormatError", code: "FORMAT", where: {} });
});
