/** Reading golden indexes, choosing cases, comparing tensors. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareTensors } from "../../src/cli/difference.ts";
import { UsageError } from "../../src/cli/command.ts";
import { readGolden } from "../../src/cli/golden.ts";
import { selectCases } from "../../src/cli/verify.ts";
import { FormatError, InputError } from "../../src/errors.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "bitlane-golden-"));
  mkdirSync(join(folder, "golden/models"), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

function index(content: unknown): string {
  const file = join(folder, "golden/models/index.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const tensor = { shape: [1, 2], dtype: "int8" };
const operators = {
  cases: ["add", "add_same"].map((name) => ({
    name,
    int8: {
      model: `${name}.tflite`,
      inputs: [{ ...tensor, name: "a", file: "a.bin" }],
      outputs: [{ ...tensor, name: "y", xnnpack: "y.x.bin", reference: "y.r.bin" }],
    },
    f32: { model: `${name}.f32.tflite`, inputs: [], outputs: [] },
  })),
};
const networks = [
  {
    model: "tiny/kws.tflite",
    cases: [0, 1].map((i) => ({
      input: { ...tensor, file: `x${i}.bin` },
      outputs: [{ ...tensor, xnnpack: `y${i}.bin` }],
    })),
  },
];

describe("a golden index", () => {
  it("of operators gives a case per variant, with the model beside the index", async () => {
    const file = index(operators);
    const cases = await readGolden(file, "tflite-reference", undefined);
    expect(cases.map(({ name }) => name)).toEqual([
      "add.int8",
      "add.f32",
      "add_same.int8",
      "add_same.f32",
    ]);
    const beside = (name: string) => join(folder, "golden/models", name);
    expect(cases[0]).toEqual({
      name: "add.int8",
      model: beside("add.tflite"),
      inputs: [{ ...tensor, name: "a", file: beside("a.bin") }],
      outputs: [{ ...tensor, name: "y", file: beside("y.r.bin") }],
    });
  });

  it("of networks numbers the cases of a model and finds the models beside golden/", async () => {
    const cases = await readGolden(index(networks), "fp32", undefined);
    expect(cases.map(({ name }) => name)).toEqual(["tiny/kws.tflite#0", "tiny/kws.tflite#1"]);
    expect(cases[1]!.model).toBe(join(folder, "models/tiny/kws.tflite"));
    expect(cases[1]!.outputs[0]!.file).toBe(join(folder, "golden/models/y1.bin"));
  });

  it("of networks takes the models from the folder that is given", async () => {
    const [first] = await readGolden(index(networks), "fp32", "elsewhere");
    expect(first!.model).toBe(join("elsewhere", "tiny/kws.tflite"));
  });

  it("gives no outputs for a rule that was not recorded", async () => {
    const cases = await readGolden(index(networks), "tflite-reference", undefined);
    expect(cases.map(({ outputs }) => outputs)).toEqual([[], []]);
  });

  it("of another form, or cut, is refused with a FormatError", async () => {
    await expect(readGolden(index('{"cases": [{"na'), "fp32", undefined)).rejects.toThrow(
      FormatError,
    );
    await expect(readGolden(index({ images: [] }), "fp32", undefined)).rejects.toThrow(FormatError);
    await expect(readGolden(index([{ model: "a" }]), "fp32", undefined)).rejects.toThrow(
      FormatError,
    );
  });
});

describe("--only", () => {
  const names = async (content: unknown, ...only: string[]) =>
    selectCases(await readGolden(index(content), "fp32", undefined), only).map(({ name }) => name);

  it("takes all cases where it is not given", async () => {
    expect(await names(operators)).toHaveLength(4);
  });

  it("takes a case, or all that continue the name", async () => {
    expect(await names(operators, "add.f32")).toEqual(["add.f32"]);
    expect(await names(operators, "add")).toEqual(["add.int8", "add.f32"]);
    expect(await names(networks, "tiny/kws.tflite")).toHaveLength(2);
    expect(await names(networks, "kws")).toHaveLength(2);
    expect(await names(networks, "kws.tflite#1")).toEqual(["tiny/kws.tflite#1"]);
  });

  it("is wrong usage where nothing has the name", async () => {
    await expect(names(operators, "add", "conv")).rejects.toThrow(UsageError);
  });
});

describe("comparing outputs", () => {
  it("counts codes and measures their largest difference in steps", () => {
    expect(compareTensors(Int8Array.of(1, -128, 5), Int8Array.of(1, 127, 4))).toEqual({
      codes: 3,
      different: 2,
      maxLsb: 255,
    });
    expect(compareTensors(BigInt64Array.of(-1n, 7n), BigInt64Array.of(-1n, 9n))).toEqual({
      codes: 2,
      different: 1,
      maxLsb: 2,
    });
  });

  it("measures floats relative to the largest expected value", () => {
    const { maxRelative } = compareTensors(Float32Array.of(1, 100.5), Float32Array.of(1, 100)) as {
      maxRelative: number;
    };
    expect(maxRelative).toBeCloseTo(0.005, 12);
    expect(compareTensors(Float32Array.of(0, NaN), Float32Array.of(-0, NaN))).toEqual({
      maxRelative: 0,
    });
  });

  it.each([
    [NaN, 1],
    [1, NaN],
    [Infinity, 1],
    [-Infinity, Infinity],
    [1, 0],
  ])("calls %f instead of %f infinitely far", (got, expected) => {
    expect(compareTensors(Float32Array.of(got), Float32Array.of(expected))).toEqual({
      maxRelative: Infinity,
    });
  });

  it("refuses tensors of different types and lengths", () => {
    expect(() => compareTensors(Int8Array.of(1), Uint8Array.of(1))).toThrow(InputError);
    expect(() => compareTensors(Int8Array.of(1), Int8Array.of(1, 2))).toThrow(InputError);
  });
});
