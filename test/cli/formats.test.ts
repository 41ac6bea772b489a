/** `bitlane formats`: the list, one format, its plot. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cli, cliJson } from "./record-terminal.ts";

describe("bitlane formats", () => {
  it("lists every named format with its range and SQNR", async () => {
    const { code, output } = await cli("formats");
    expect(code).toBe(0);
    const line = output.split("\n").find((row) => row.startsWith("float8_e4m3fn "))!;
    expect(line.split(/\s+/)).toEqual(
      "float8_e4m3fn 8 1-4-3 7 448 0.015625 2^-9 2 NaN, 0 inf 31.6 / 31.6 31.5 / 31.5".split(" "),
    );
    expect(output).toContain("\nfp16_e6m9 ");
    expect(output).not.toContain("\nfloat32 ");
  });

  it("prints all values of a format, a row for each exponent", async () => {
    const { code, output } = await cli("formats", "float4_e2m1fn");
    expect(code).toBe(0);
    const rows = output.split("\n").map((row) => row.trim().split(/\s+/).join(" "));
    expect(rows).toContain("range -6 … 6");
    expect(rows.slice(-5)).toEqual(["code +0 +1", "0x0 0 0.5", "0x2 1 1.5", "0x4 2 3", "0x6 4 6"]);
  });

  it("prints the steps of a wide format", async () => {
    const { output } = await cli("formats", "fp16_e6m9");
    expect(output).toContain("reserved codes: none");
    expect(output.split("\n").at(-1)).toMatch(/^0x7e00 +4294967296 +8581545984 +8388608$/);
  });

  it("takes formats of our own by their fields", async () => {
    const { code, document } = await cliJson("formats", "minifloat_e3m4b3");
    expect(code).toBe(0);
    expect(document).toMatchObject({ fields: "1-3-4", bias: 3, max: 31, nans: 0, values: 255 });
    expect((document["table"] as unknown[]).length).toBe(256);
  });

  it("prints integers too, and says NaN in JSON as text", async () => {
    expect((await cli("formats", "int4")).output).toContain("0 1 2 3 4 5 6 7 -8 -7");
    const { document } = await cliJson("formats", "float8_e5m2fnuz");
    expect((document["table"] as [number, unknown][])[0x80]).toEqual([0x80, "NaN"]);
  });

  it("prints formats of blocks: bits, scale and SQNR", async () => {
    const line = (await cli("formats")).output
      .split("\n")
      .find((row) => row.startsWith("mxfp6_e2m3 "))!;
    expect(line.trim().split(/ +/).slice(0, 4)).toEqual([
      "mxfp6_e2m3",
      "float6_e2m3fn",
      "32",
      "6.25",
    ]);
    const { code, output } = await cli("formats", "mxfp8_e5m2");
    expect(code).toBe(0);
    expect(output).toContain("blocks of 32 float8_e5m2");
    expect(output).toContain("− 15), at least 2^-127");
    const { document } = await cliJson("formats", "mxfp4");
    expect(document).toMatchObject({
      element: "float4_e2m1fn",
      block: 32,
      bits: 4.25,
      exponent: 2,
    });
    const { gaussian } = document["sqnr"] as Record<string, number>;
    expect(Math.abs(gaussian! - 18.8)).toBeLessThan(0.1);
  });

  it.each([
    [["formats", "float9"], 'got "float9"'],
    [["formats", "float32"], "16 bits or fewer"],
    [["formats", "int8", "int4"], "expected one NAME, got 2"],
    [["formats", "--plot", "x.svg"], "--plot needs a NAME"],
    [["formats", "int8", "--plot", "x.png"], "expected a file .svg or .html"],
  ])("exits with 2 for %j", async (argv, message) => {
    const { code, remarks } = await cli(...argv);
    expect(code).toBe(2);
    expect(remarks).toContain(message);
  });

  it("exits with 1 for fields that make no format", async () => {
    const { code, remarks } = await cli("formats", "minifloat_e9m3");
    expect(code).toBe(1);
    expect(remarks).toContain("INPUT: minifloat_e9m3b255: expected 1 to 8 exponent bits, got 9");
  });

  it("draws a format without anything from outside the file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "bitlane-"));
    try {
      for (const name of ["float6_e3m2fn", "fp16_e6m9", "float8_e8m0fnu", "uint4", "binary"]) {
        const files = ["svg", "html"].map((kind) => join(folder, `${name}.${kind}`));
        for (const file of files) expect((await cli("formats", name, "--plot", file)).code).toBe(0);
        const [svg, html] = await Promise.all(files.map((file) => readFile(file, "utf8")));
        expect(html).toContain(svg);
        expect(svg).not.toMatch(/NaN|Infinity|undefined|href|src=/);
        expect(svg!.length).toBeLessThan(200_000);
      }
      const svg = await readFile(join(folder, "float6_e3m2fn.svg"), "utf8");
      // 63 values; their magnitudes without 0: 31, of which 3 are subnormal.
      expect(svg.match(/V120/g)).toHaveLength(63);
      expect(svg.match(/V230/g)).toHaveLength(31);
      expect(/d="([^"]*V230)" stroke="#d1242f"/.exec(svg)![1]!.match(/V/g)).toHaveLength(3);
      const { code, remarks } = await cli("formats", "int4", "--plot", join(folder, "no", "x.svg"));
      expect(code).toBe(1);
      expect(remarks).toContain("a file that can be written");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
