/** `bitlane run`. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MODEL, ONE_THREAD, runOnThree, THREE } from "./digits.ts";
import { cli, cliJson } from "./record-terminal.ts";

let folder = "";
let three: Awaited<ReturnType<typeof runOnThree>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bitlane-cli-"));
  three = await runOnThree();
});
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, bytes: Uint8Array | string): string => {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
};

describe("bitlane run", () => {
  it("reads a PNG, ranks the classes and names them", async () => {
    const names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    for (const labels of [names.join("\n"), JSON.stringify(names)]) {
      const file = write("labels", labels);
      const argv = [MODEL, ...ONE_THREAD, "--input", THREE, "--top", "2", "--labels", file];
      const { code, document } = await cliJson("run", ...argv);
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
      write("three.bin", three.pixels),
      write("three.npy", Buffer.concat([prefix, Buffer.from(text), three.pixels])),
      `${three.inputName}=${THREE}`,
    ];
    for (const file of files) {
      const { document } = await cliJson("run", MODEL, ...ONE_THREAD, "--input", file);
      expect(document["outputs"]).toMatchObject([{ dtype: "uint8", codes: [...three.expected] }]);
    }
  });

  it("writes the raw codes of the outputs", async () => {
    const directory = join(folder, "new/raw");
    for (const threads of ["1", "2"]) {
      const argv = ["--raw-output", directory, "--threads", threads];
      expect((await cli("run", MODEL, "--input", THREE, ...argv)).code).toBe(0);
      expect(readdirSync(directory)).toEqual(["0.bin"]);
      expect(new Uint8Array(readFileSync(join(directory, "0.bin")))).toEqual(three.expected);
    }
  });

  it("gives the same codes for bytes and for real values in [0, 1]", async () => {
    const { document } = await cliJson(
      "run",
      MODEL,
      ...ONE_THREAD,
      "--input",
      THREE,
      "--preset",
      "unit",
    );
    expect(document["outputs"]).toMatchObject([{ codes: [...three.expected] }]);
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
    const file = write("short.bin", three.pixels.subarray(1));
    const { code, remarks } = await cli("run", MODEL, ...ONE_THREAD, "--input", file);
    expect(code).toBe(1);
    expect(remarks).toContain("expected 784 bytes for uint8[1, 28, 28, 1], got 783");
  });
});
