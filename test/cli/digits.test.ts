/** The commands on the network and the images that the repository holds. */
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawDigits } from "../../examples/draw-digits.ts";
import { decodeImage } from "../../src/cli/images.ts";
import { imageToInput } from "../../src/cli/presets.ts";
import { load } from "../../src/index.ts";
import { cli } from "./record-terminal.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const MODEL = join(root, "models/digits_int8.tflite");
const DIGITS = join(root, "examples/digits");
const THREE = join(DIGITS, "3-bold.png");
const ONE_THREAD = ["--threads", "1"];

let folder = "";
let pixels = new Uint8Array();
let expected = new Uint8Array();
let inputName = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bitlane-cli-"));
  const { data } = PNG.sync.read(readFileSync(THREE));
  pixels = Uint8Array.from({ length: 784 }, (_, i) => data[i * 4]!);
  const model = await load(MODEL, { threads: 1 });
  inputName = model.inputs[0]!.name;
  expected = Object.values(await model.run(pixels))[0] as Uint8Array<ArrayBuffer>;
  await model.dispose();
});
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, bytes: Uint8Array | string): string => {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
};
const json = async (...argv: string[]) => {
  const { code, output, remarks } = await cli(...argv, "--json");
  expect(remarks).toBe("");
  expect(output).not.toContain("\n");
  return { code, document: JSON.parse(output) as Record<string, never> };
};

describe("bitlane inspect", () => {
  it("describes inputs, outputs, operators, kernels and memory as JSON", async () => {
    const { code, document } = await json("inspect", MODEL);
    expect(code).toBe(0);
    expect(document).toMatchObject({
      fileBytes: statSync(MODEL).size,
      inputs: [{ dtype: "uint8", shape: [1, 28, 28, 1], quantization: { zeroPoint: 0 } }],
      outputs: [{ dtype: "uint8", shape: [1, 10], quantization: { scale: 1 / 256, zeroPoint: 0 } }],
      operators: { Conv2D: 5, MaxPool2D: 2, Quantize: 2, FullyConnected: 1, Mean: 1, Softmax: 1 },
      macs: 5_532_544,
      weightBytes: 36_032,
    });
    const { arenaBytes, arenaLowerBound, nodes } = document as unknown as {
      arenaBytes: number;
      arenaLowerBound: number;
      nodes: { operator: string; kernel: string }[];
    };
    expect(arenaLowerBound).toBeGreaterThan(0);
    expect(arenaBytes).toBeGreaterThanOrEqual(arenaLowerBound);
    expect(nodes).toHaveLength(12);
    expect(nodes.filter(({ operator }) => operator === "Conv2D")).toHaveLength(5);
    for (const { kernel } of nodes) expect(kernel).not.toBe("");
  });

  it("prints the same in lines", async () => {
    const { code, output } = await cli("inspect", MODEL);
    expect(code).toBe(0);
    expect(output).toContain("uint8[1, 28, 28, 1] scale 0.00392157 zero point 0");
    expect(output).toContain("5532544 (5.53 M)");
    expect(output).toMatch(/^ +9 {2}FullyConnected/m);
  });

  it("stops at the graph", async () => {
    const { output } = await cli("inspect", MODEL, "--stage", "graph");
    expect(output).toMatch(/^graph /);
    expect(output).toContain("10 Softmax(");
    const { document } = await json("inspect", MODEL, "--stage", "graph");
    expect(document["nodes"]).toHaveLength(12);
  });

  it("stops at the plan", async () => {
    const { output } = await cli("inspect", MODEL, "--stage", "plan");
    expect(output).toMatch(/^plan /);
    expect(output).toContain("step 9 node 9");
    const { document } = await json("inspect", MODEL, "--stage", "plan");
    expect(document["steps"]).toHaveLength(12);
    expect(document["arenaBytes"]).toBeGreaterThan(0);
  });

  it("answers a file that is no model with one line and exit code 1", async () => {
    const file = write("text.tflite", "this is not a model, this is a text");
    const { code, output, remarks } = await cli("inspect", file);
    expect(code).toBe(1);
    expect(output).toBe("");
    expect(remarks).toMatch(/^bitlane inspect: FORMAT: [^\n]+$/);
  });
});

describe("bitlane run", () => {
  it("reads a PNG, ranks the classes and names them", async () => {
    const names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    for (const labels of [names.join("\n"), JSON.stringify(names)]) {
      const file = write("labels", labels);
      const argv = [MODEL, ...ONE_THREAD, "--input", THREE, "--top", "2", "--labels", file];
      const { code, document } = await json("run", ...argv);
      expect(code).toBe(0);
      expect(document["top"]).toMatchObject([{ index: 3, label: "three", value: 255 / 256 }, {}]);
      const { output } = await cli("run", ...argv);
      expect(output).toMatch(/^ +3 +0\.99609 +three$/m);
    }
  });

  it("takes codes from .bin and .npy files, by order and by name", async () => {
    const npyHeader = "{'descr': '|u1', 'fortran_order': False, 'shape': (28, 28, 1), }";
    const text = `${npyHeader.padEnd(117)}\n`;
    const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0]);
    const files = [
      write("three.bin", pixels),
      write("three.npy", Buffer.concat([prefix, Buffer.from(text), pixels])),
      `${inputName}=${THREE}`,
    ];
    for (const file of files) {
      const { document } = await json("run", MODEL, ...ONE_THREAD, "--input", file);
      expect(document["outputs"]).toMatchObject([{ dtype: "uint8", codes: [...expected] }]);
    }
  });

  it("writes the raw codes of the outputs", async () => {
    const directory = join(folder, "new/raw");
    for (const threads of ["1", "2"]) {
      const argv = ["--raw-output", directory, "--threads", threads];
      expect((await cli("run", MODEL, "--input", THREE, ...argv)).code).toBe(0);
      expect(readdirSync(directory)).toEqual(["0.bin"]);
      expect(new Uint8Array(readFileSync(join(directory, "0.bin")))).toEqual(expected);
    }
  });

  it("gives the same codes for bytes and for real values in [0, 1]", async () => {
    const { document } = await json(
      "run",
      MODEL,
      ...ONE_THREAD,
      "--input",
      THREE,
      "--preset",
      "unit",
    );
    expect(document["outputs"]).toMatchObject([{ codes: [...expected] }]);
  });

  it.each([
    [["--input", "picture.gif"], "picture.gif: expected a name that ends with"],
    [["--input", THREE, "--input", THREE], "expected one file for each of the inputs"],
    [["--input", "missing.png"], "missing.png: expected a readable file, got ENOENT"],
    [["--input", THREE, "--top", "1", "--labels", MODEL], "expected 10 labels"],
  ])("exits with 1 for %j", async (argv, message) => {
    const { code, output, remarks } = await cli("run", MODEL, ...ONE_THREAD, ...argv);
    expect(code).toBe(1);
    expect(output).toBe("");
    expect(remarks).toMatch(/^bitlane run: INPUT: [^\n]+$/);
    expect(remarks).toContain(message);
  });

  it("refuses raw codes of the wrong size", async () => {
    const file = write("short.bin", pixels.subarray(1));
    const { code, remarks } = await cli("run", MODEL, ...ONE_THREAD, "--input", file);
    expect(code).toBe(1);
    expect(remarks).toContain("expected 784 bytes for uint8[1, 28, 28, 1], got 783");
  });
});

describe("bitlane verify", () => {
  /** An index of one network with the output as it is, and with `change` added to one code. */
  function goldenIndex(change: number, recorded: readonly string[]): string {
    const models = join(folder, "golden/models");
    mkdirSync(models, { recursive: true });
    writeFileSync(join(models, "input.bin"), pixels);
    const output = expected.slice();
    output[5]! += change;
    writeFileSync(join(models, "output.bin"), output);
    const files = Object.fromEntries(recorded.map((rule) => [rule, "output.bin"]));
    const index = [
      {
        model: "digits_int8.tflite",
        cases: [
          {
            input: { file: "input.bin", shape: [1, 28, 28, 1], dtype: "uint8" },
            outputs: [{ shape: [1, 10], dtype: "uint8", ...files }],
          },
        ],
      },
    ];
    return write("golden/models/index.json", JSON.stringify(index));
  }
  const models = ["--models", join(root, "models")];

  it("counts the codes that are equal and exits with 0", async () => {
    const golden = goldenIndex(0, ["xnnpack"]);
    const { code, document } = await json("verify", "--golden", golden, ...models);
    expect(code).toBe(0);
    expect(document).toEqual({
      cases: [{ name: "digits_int8.tflite#0", outputs: [{ codes: 10, different: 0, maxLsb: 0 }] }],
      codes: 10,
      different: 0,
    });
  });

  it("exits with 1 past --max-lsb and with 0 within", async () => {
    const golden = goldenIndex(2, ["xnnpack"]);
    const argv = ["verify", "--golden", golden, ...models];
    const { code, document } = await json(...argv);
    expect(code).toBe(1);
    expect(document).toMatchObject({
      cases: [{ outputs: [{ codes: 10, different: 1, maxLsb: 2 }] }],
      different: 1,
    });
    expect((await cli(...argv, "--max-lsb", "1")).code).toBe(1);
    const { code: within, output } = await cli(...argv, "--max-lsb", "2");
    expect(within).toBe(0);
    expect(output).toContain("ok   digits_int8.tflite#0: 1 of 10 codes different, by 2 at most");
  });

  it("says which cases it skips because the rule was not recorded", async () => {
    const golden = goldenIndex(0, ["xnnpack"]);
    const rule = ["--rounding", "tflite-reference"];
    const { code, output, remarks } = await cli("verify", "--golden", golden, ...models, ...rule);
    expect(code).toBe(0);
    expect(remarks).toContain("digits_int8.tflite#0: skipped");
    expect(output).toContain("0 cases under tflite-reference, 0 past the limits, 1 skipped");
  });

  it("reports a case that does not run, goes on, and exits with 1", async () => {
    const golden = goldenIndex(0, ["xnnpack"]);
    const { code, output } = await cli("verify", "--golden", golden, "--models", folder);
    expect(code).toBe(1);
    expect(output).toMatch(/^FAIL digits_int8\.tflite#0: FORMAT: /);
  });
});

describe("bitlane bench", () => {
  it("gives the fields that scripts read", async () => {
    const { code, document } = await json("bench", MODEL, "--runs", "3", "--threads", "1");
    expect(code).toBe(0);
    expect(Object.keys(document)).toEqual([
      "medianMs",
      "minMs",
      "p95Ms",
      "macs",
      "macsPerSecond",
      "firstRunMs",
      "loadMs",
      "arenaBytes",
      "threads",
      "isa",
    ]);
    const { minMs, medianMs, p95Ms, macs, macsPerSecond, threads } = document as Record<
      string,
      number
    >;
    expect(minMs).toBeGreaterThan(0);
    expect(medianMs).toBeGreaterThanOrEqual(minMs!);
    expect(p95Ms).toBeGreaterThanOrEqual(medianMs!);
    expect([macs, threads]).toEqual([5_532_544, 1]);
    expect(macsPerSecond).toBeCloseTo(macs! / (medianMs! / 1000), 3);
  });

  it("takes the threads and the instructions that are asked for", async () => {
    const argv = ["--runs", "1", "--threads", "2", "--isa", "simd128"];
    const { document } = await json("bench", MODEL, ...argv);
    expect(document).toMatchObject({ threads: 2, isa: "simd128" });
  });

  it("prints a table of the layers for --layers", async () => {
    const { output } = await cli("bench", MODEL, ...ONE_THREAD, "--runs", "1", "--layers");
    expect(output).toMatch(/^node {2}operator /m);
    expect(output).toMatch(/^ +10 {2}Softmax .* %/m);
  });
});

describe("the process", () => {
  const main = join(root, "src/cli/main.ts");
  const spawn = (...argv: string[]) =>
    spawnSync(process.execPath, [main, ...argv], { encoding: "utf8" });

  it("ends with the exit code, results on standard output, errors on the other stream", () => {
    const success = spawn("inspect", MODEL, "--json");
    expect([success.status, success.stderr]).toEqual([0, ""]);
    expect(JSON.parse(success.stdout)).toMatchObject({ macs: 5_532_544 });
    const failure = spawn("bench", "missing.tflite");
    expect([failure.status, failure.stdout]).toEqual([1, ""]);
    expect(failure.stderr).toMatch(/^bitlane bench: FORMAT: [^\n]+\n$/);
    expect(spawn("bench").status).toBe(2);
  });
});

describe("the digit images", () => {
  it("are those that the program draws", () => {
    const drawn = drawDigits();
    expect(readdirSync(DIGITS).sort()).toEqual([...drawn.keys()].sort());
    for (const [name, bytes] of drawn) {
      const lies = PNG.sync.read(readFileSync(join(DIGITS, name)));
      expect([...lies.data], name).toEqual([...PNG.sync.read(bytes).data]);
    }
  });

  it("are a dozen, with every digit among them", () => {
    const files = readdirSync(DIGITS);
    expect(files).toHaveLength(12);
    expect(new Set(files.map((file) => file[0])).size).toBe(10);
  });

  it("are classified by both networks of models/", async () => {
    for (const file of ["digits_int8.tflite", "digits_float.tflite"]) {
      const model = await load(join(root, "models", file), { threads: 1 });
      for (const name of readdirSync(DIGITS)) {
        const image = await decodeImage(readFileSync(join(DIGITS, name)), name);
        const results = await model.run(imageToInput(image, model.inputs[0]!, "auto"));
        const values = [...(Object.values(results)[0] as Uint8Array | Float32Array)];
        expect(values.indexOf(Math.max(...values)), `${file}, ${name}`).toBe(Number(name[0]));
      }
      await model.dispose();
    }
  });
});
