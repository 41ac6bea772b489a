/** `bitlane compare`, and the options by which the other commands re-quantize. */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CompareReport } from "../../src/cli/compare.ts";
import { load } from "../../src/index.ts";
import { DIGITS, MODEL, ONE_THREAD, runOnThree, THREE } from "./digits.ts";
import { cli, cliJson } from "./record-terminal.ts";

let folder = "";
let labelled = "";
let three: Awaited<ReturnType<typeof runOnThree>>;

/** models/ and golden/ as in ../shared, with one network and one case; labels for the example's images. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bitlane-cli-"));
  three = await runOnThree();
  labelled = join(folder, "data");
  cpSync(DIGITS, labelled, { recursive: true });
  const files = readdirSync(labelled).filter((name) => name.endsWith(".png"));
  const images = files.map((file) => ({ file, class: Number(file[0]) }));
  writeFileSync(join(labelled, "labels.json"), JSON.stringify({ about: "digits", images }));
  mkdirSync(join(folder, "models"));
  mkdirSync(join(folder, "golden/models"), { recursive: true });
  copyFileSync(MODEL, join(folder, "models/digits.tflite"));
  writeFileSync(join(folder, "golden/models/input.bin"), three.pixels);
  writeFileSync(join(folder, "golden/models/output.bin"), three.expected);
  const input = { file: "input.bin", shape: [1, 28, 28, 1], dtype: "uint8" };
  const outputs = [{ shape: [1, 10], dtype: "uint8", xnnpack: "output.bin" }];
  const index = [{ model: "digits.tflite", cases: [{ input, outputs }] }];
  writeFileSync(join(folder, "golden/models/index.json"), JSON.stringify(index));
});
afterAll(() => rmSync(folder, { recursive: true }));

const FAST = ["--runs", "2"];

describe("bitlane compare", () => {
  it("puts the file first and one scheme behind the other", async () => {
    const argv = [MODEL, "--weights", "int4,int2/uint4, binary", "--data", labelled, ...FAST];
    const { code, document } = await cliJson("compare", ...argv, "--no-keep-first-last");
    expect(code).toBe(0);
    const { schemes } = document as unknown as CompareReport;
    expect(schemes.map(({ name }) => name)).toEqual(["file", "int4", "int2/uint4", "binary"]);
    const [file, int4, int2] = schemes;
    for (const { of, correct, medianMs, weightBytes, layers } of schemes) {
      expect(of).toBe(readdirSync(DIGITS).filter((name) => name.endsWith(".png")).length);
      expect(correct).toBeLessThanOrEqual(of);
      expect(medianMs).toBeGreaterThan(0);
      expect(weightBytes).toBeGreaterThan(0);
      expect(layers.map(({ name }) => name)).toEqual(file!.layers.map(({ name }) => name));
    }
    expect(file).toMatchObject({ speedUp: 1, correct: file!.of });
    // JSON has no infinity: no difference is null.
    expect(file!.layers.every(({ sqnrDb }) => sqnrDb === null)).toBe(true);
    expect(int4!.layers[0]!.sqnrDb).toBeGreaterThan(12);
    expect(int2!.layers[0]!.sqnrDb).toBeLessThan(int4!.layers[0]!.sqnrDb);
  });

  it("keeps first and last layers unless it is told not to", async () => {
    const argv = [MODEL, "--weights", "binary", "--data", labelled, ...FAST];
    const first = async (...more: string[]) => {
      const { document } = await cliJson("compare", ...argv, ...more);
      const { layers } = (document as unknown as CompareReport).schemes[1]!;
      return [layers[0]!.sqnrDb, layers[1]!.sqnrDb];
    };
    expect(await first()).toEqual([null, expect.any(Number)]);
    expect(await first("--keep-first-last")).toEqual([null, expect.any(Number)]);
    expect(await first("--no-keep-first-last")).toEqual([expect.any(Number), expect.any(Number)]);
  });

  it("takes the recorded cases of a network, and so many samples as asked for", async () => {
    const model = join(folder, "models/digits.tflite");
    const golden = [model, "--weights", "int4", "--data", "golden", ...FAST];
    const { document } = await cliJson("compare", ...golden);
    expect(document["schemes"]).toMatchObject([{ correct: 1, of: 1 }, { of: 1 }]);
    const samples = [MODEL, "--weights", "int4", "--data", labelled, "--samples", "3", ...FAST];
    expect((await cliJson("compare", ...samples)).document["schemes"]).toMatchObject([
      { of: 3 },
      { of: 3 },
    ]);
  });

  it("prints a table of schemes and a table of layers", async () => {
    const argv = [MODEL, "--weights", "ternary", "--activations", "uint4", "--data", labelled];
    const { output } = await cli("compare", ...argv, ...FAST);
    expect(output).toMatch(
      /^scheme +weight bytes +median ms +MAC\/s +speed-up +top-1 +to the file$/m,
    );
    expect(output).toMatch(/^file +\d+ +[\d.]+ +[\d.]+ \w +1\.00 +\d+ of \d+ +\+0 -0$/m);
    expect(output).toMatch(/^ternary\/uint4 +\d+/m);
    expect(output).toMatch(/^ternary\/uint4 +layer$/m);
  });

  it("tells the error of a layer alone from the error that it inherits", async () => {
    const list = "float4_e2m1fn/float4_e2m1fn,int2/uint4";
    const argv = [MODEL, "--weights", list, "--data", labelled, ...FAST];
    for (const more of [[], ["--calibrate", "0"]]) {
      const { document } = await cliJson("compare", ...argv, ...more, "--no-keep-first-last");
      const [file, ...others] = (document as unknown as CompareReport).schemes;
      expect(file).toMatchObject({ gained: 0, lost: 0 });
      expect(file!.layers.every(({ isolatedDb }) => isolatedDb === null)).toBe(true);
      for (const { layers, correct, gained, lost } of others) {
        expect(correct - file!.correct).toBe(gained - lost);
        // Nothing precedes the first layer: both are the same number.
        expect(layers[0]!.isolatedDb).toBeCloseTo(layers[0]!.sqnrDb, 1);
        expect(layers.at(-1)!.isolatedDb).toBeGreaterThan(layers.at(-1)!.sqnrDb);
      }
    }
  });

  it("draws a comparison without anything from outside the file", async () => {
    const argv = [MODEL, "--weights", "float8_e5m2,int4", "--data", labelled, ...FAST];
    const files = ["svg", "html"].map((kind) => join(folder, `plot.${kind}`));
    for (const file of files) expect((await cli("compare", ...argv, "--plot", file)).code).toBe(0);
    const [svg, html] = files.map((file) => readFileSync(file, "utf8")) as [string, string];
    expect(svg).not.toMatch(/NaN|Infinity|undefined|href|src=/);
    expect(html).toMatch(/^<!doctype html>[^]*<svg[^]*<\/svg>/);
    // A mark with its words for each layer and number that is there, and one for each scheme.
    const { document } = await cliJson("compare", ...argv);
    const { schemes } = document as unknown as CompareReport;
    const numbers = schemes
      .slice(1)
      .flatMap(({ layers }) => layers.flatMap(({ sqnrDb, isolatedDb }) => [sqnrDb, isolatedDb]));
    const marks = numbers.filter((value) => value !== null).length + schemes.length;
    expect(svg.match(/<circle/g)).toHaveLength(marks);
    expect(svg.match(/<title>[^<]+ dB, [^<]+<\/title>/g)).toHaveLength(marks - schemes.length);
    for (const { name, correct, of } of schemes)
      expect(svg).toContain(`${name}: ${correct} of ${of}`);
  });

  it.each([
    [["--weights", "int4", "--data", "x", "--plot", "x.png"], 2, "expected a file .svg or .html"],
    [["--data", "x"], 2, "expected --weights LIST"],
    [["--weights", "int4"], 2, "expected --data DIR or golden"],
    [["--weights", "int3", "--data", "x"], 2, 'got "int3"'],
    [["--weights", "int4/int4", "--data", "x"], 2, 'got "int4/int4"'],
    [["--weights", "int4", "--data", "x", "--keep-first-last", "--no-keep-first-last"], 2, "both"],
    [["--weights", "int4", "--data", "no-such-folder"], 1, "expected a folder with labels.json"],
    [["--weights", "int4", "--data", "golden"], 1, "golden/models/index.json"],
  ])("exits with an explanation for %j", async (argv, expected, message) => {
    const { code, remarks } = await cli("compare", MODEL, ...argv);
    expect(remarks).toContain(message);
    expect(code).toBe(expected);
  });
});

describe("--weights and --activations", () => {
  it("let inspect show the formats and the resident bytes", async () => {
    const { document } = await cliJson(
      "inspect",
      MODEL,
      "--weights",
      "int4",
      "--activations",
      "uint4",
    );
    expect(document["dtypes"]).toHaveProperty("int4");
    expect(document["dtypes"]).toHaveProperty("uint4");
    const plain = (await cliJson("inspect", MODEL)).document;
    expect(document["weightBytes"]).toBeLessThan(plain["weightBytes"] as number);
    const nodes = document["nodes"] as { residentBytes: number; isExpanded: boolean }[];
    const expanded = nodes.filter(({ isExpanded }) => isExpanded);
    expect(document["expandedWeightBytes"]).toBe(
      expanded.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
    );
    expect(plain["expandedWeightBytes"]).toBe(0);
  });

  it("let run and bench load a network as load() does", async () => {
    const options = { weights: "int2", activations: "uint4", keepFirstLast: false } as const;
    const model = await load(MODEL, { ...options, threads: 1 });
    const [expected] = Object.values(await model.run(three.pixels));
    await model.dispose();
    const flags = ["--weights", "int2", "--activations", "uint4", "--no-keep-first-last"];
    const { document } = await cliJson("run", MODEL, ...ONE_THREAD, "--input", THREE, ...flags);
    expect(document["outputs"]).toMatchObject([{ codes: [...(expected as Uint8Array)] }]);
    expect([...(expected as Uint8Array)]).not.toEqual([...three.expected]);
    expect((await cli("bench", MODEL, ...ONE_THREAD, "--runs", "1", ...flags)).code).toBe(0);
  });

  it("take the size of blocks, as an option or behind the format", async () => {
    const flags = ["--weights", "int4", "--group-size", "4", "--no-keep-first-last"];
    const resident = async (...given: string[]): Promise<number> => {
      const { document } = await cliJson("inspect", MODEL, ...given);
      const nodes = document["nodes"] as { residentBytes: number }[];
      return nodes.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
    };
    expect(await resident(...flags)).toBeGreaterThan(await resident(...flags.toSpliced(2, 2)));
    const { code, document } = await cliJson(
      ...["compare", MODEL, "--weights", "int4g4,int8,int4", "--group-size", "8"],
      ...["--data", labelled, "--samples", "2", "--runs", "1", ...ONE_THREAD],
    );
    expect(code).toBe(0);
    const schemes = document["schemes"] as { name: string; weightBytes: number }[];
    expect(schemes.map(({ name }) => name)).toEqual(["file", "int4g4", "int8", "int4"]);
    expect(schemes[1]!.weightBytes).toBeGreaterThan(schemes[3]!.weightBytes);
  });

  it("take an accumulator, as an option or behind a scheme", async () => {
    const formats = { weights: "float8_e4m3fn", activations: "float8_e4m3fn" } as const;
    const accumulate = { format: "bfloat16", chunk: 8, rounding: "stochastic", seed: 7 } as const;
    const model = await load(MODEL, { ...formats, accumulate, threads: 1 });
    const [expected] = Object.values(await model.run(three.pixels));
    await model.dispose();
    const flags = ["--weights", "float8_e4m3fn", "--activations", "float8_e4m3fn"];
    const sums = ["--accumulate", "bfloat16/8/stochastic/7"];
    const argv = [MODEL, ...ONE_THREAD, "--input", THREE, ...flags, ...sums];
    const { document } = await cliJson("run", ...argv);
    expect(document["outputs"]).toMatchObject([{ codes: [...(expected as Uint8Array)] }]);

    const list = "hfp8@fp16_e6m9/64,hfp8,int8";
    const compared = await cliJson(
      ...["compare", MODEL, "--weights", list, "--accumulate", "bfloat16/16"],
      ...["--data", labelled, "--samples", "2", "--runs", "1", ...ONE_THREAD],
    );
    const schemes = compared.document["schemes"] as { name: string }[];
    const names = ["file", "hfp8@fp16_e6m9/64", "hfp8@bfloat16/16", "int8"];
    expect(schemes.map(({ name }) => name)).toEqual(names);
  });

  it.each([
    ["float8_e4m3fn", "fp16_e6m9", "accumulate.chunk: expected an integer from 1, got NaN"],
    ["float8_e4m3fn", "fp16_e6m9/0", "accumulate.chunk: expected an integer from 1, got 0"],
    ["float8_e4m3fn", "float9/8", "accumulate.format: expected a minifloat with a sign"],
    ["float8_e4m3fn", "fp16_e6m9/8/up", "accumulate.rounding: expected"],
    ["float8_e4m3fn", "fp16_e6m9/8/stochastic/", "accumulate.seed: expected an integer"],
    ["float8_e4m3fn", "fp16_e6m9/8/nearest/1/2", "expected FORMAT/CHUNK[/ROUNDING[/SEED]]"],
    ["int4", "fp16_e6m9/8", "--accumulate: expected --weights and --activations in minifloats"],
  ])("refuse %s with sums in %s", async (weights, sums, message) => {
    const argv = [MODEL, "--weights", weights, "--accumulate", sums, "--input", THREE];
    const { code, remarks } = await cli("run", ...argv);
    expect(code).toBe(2);
    expect(remarks).toContain(message);
  });

  it("let verify compare the kernels with the network's own reference", async () => {
    const golden = join(folder, "golden/models/index.json");
    const flags = ["--weights", "binary", "--activations", "uint2"];
    const { code, document } = await cliJson("verify", "--golden", golden, ...flags);
    expect(code).toBe(0);
    expect(document).toMatchObject({ codes: 10, different: 0 });
  });

  it("are checked by load()", async () => {
    await expect(load(MODEL, { weights: "int3" as never })).rejects.toThrow(
      'weights: expected "int8" or "int4"',
    );
    await expect(load(MODEL, { activations: "int4" as never })).rejects.toThrow("activations:");
    for (const groupSize of [0, 2, 30, 33.5, 2 ** 17]) {
      await expect(load(MODEL, { weights: "int4", groupSize })).rejects.toThrow(
        "groupSize: expected a multiple of 4",
      );
    }
    for (const weights of [undefined, "int8", "hfp8_e4m3"] as const) {
      await expect(load(MODEL, { weights, groupSize: 32 })).rejects.toThrow("groupSize: expected");
    }
    await expect(load(MODEL, { keepFirstLast: "no" as never })).rejects.toThrow("keepFirstLast:");
  });
});
