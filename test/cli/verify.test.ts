/** `bitlane verify`. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, runOnThree } from "./digits.ts";
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

describe("bitlane verify", () => {
  /** An index of one network with the output as it is, and with `change` added to one code. */
  function goldenIndex(change: number, recorded: readonly string[]): string {
    const models = join(folder, "golden/models");
    mkdirSync(models, { recursive: true });
    writeFileSync(join(models, "input.bin"), three.pixels);
    const output = three.expected.slice();
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
    const { code, document } = await cliJson("verify", "--golden", golden, ...models);
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
    const { code, document } = await cliJson(...argv);
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
