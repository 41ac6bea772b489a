/** `bitlane inspect`. */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { isMaddFused } from "../../src/wasm/index.ts";
import { MODEL, root } from "./digits.ts";
import { cli, cliJson } from "./record-terminal.ts";

const FLOAT = join(root, "models/digits_float.tflite");

describe("bitlane inspect", () => {
  it("describes inputs, outputs, operators, kernels and memory as JSON", async () => {
    const { code, document } = await cliJson("inspect", MODEL);
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
    // Where int8 values lie as uint8, the Quantize of the input has no work and no step.
    expect(nodes.filter(({ operator }) => operator !== "Quantize")).toHaveLength(10);
    expect(nodes.filter(({ operator }) => operator === "Conv2D")).toHaveLength(5);
    for (const { kernel } of nodes) expect(kernel).not.toBe("");
  });

  it("prints the same in lines", async () => {
    const { code, output } = await cli("inspect", MODEL);
    expect(code).toBe(0);
    expect(output).toContain("uint8[1, 28, 28, 1] scale 0.00392157 zero point 0");
    expect(output).toContain("5532544 (5.53 M)");
    expect(output).toMatch(/^ +[89] {2}FullyConnected/m);
  });

  it("stops at the graph", async () => {
    const { output } = await cli("inspect", MODEL, "--stage", "graph");
    expect(output).toMatch(/^graph /);
    expect(output).toContain("10 Softmax(");
    const { document } = await cliJson("inspect", MODEL, "--stage", "graph");
    expect(document["nodes"]).toHaveLength(12);
  });

  it("stops at the plan", async () => {
    const { output } = await cli("inspect", MODEL, "--stage", "plan");
    expect(output).toMatch(/^plan /);
    expect(output).toMatch(/step [89] node 9/);
    const { document } = await cliJson("inspect", MODEL, "--stage", "plan");
    expect([11, 12]).toContain((document["steps"] as unknown[]).length);
    expect(document["arenaBytes"]).toBeGreaterThan(0);
  });

  it("shows the kernels of multiply-adds for --no-deterministic, where the machine has them", async () => {
    const plan = [FLOAT, "--stage", "plan"];
    const usual = await cli("inspect", ...plan);
    expect(usual.output).toContain("f32_f32_5x8c1");
    expect(usual.output).not.toContain("6x8c1_relaxed");
    const { output } = await cli("inspect", ...plan, "--no-deterministic");
    expect(output.includes("f32_f32_6x8c1_relaxed")).toBe(isMaddFused());
  });

  it.runIf(process.arch === "x64")("and the usual ones without fused multiply-adds", () => {
    const main = join(root, "src/cli/main.ts");
    const argv = ["--no-enable-fma3", main, "inspect", FLOAT, "--no-deterministic"];
    const { status, stdout } = spawnSync(process.execPath, argv, { encoding: "utf8" });
    expect(status).toBe(0);
    expect(stdout).toContain("f32_f32_5x8c1");
    expect(stdout).not.toContain("6x8c1_relaxed");
  });

  it("answers a file that is no model with one line and exit code 1", async () => {
    const file = fileURLToPath(import.meta.url);
    const { code, output, remarks } = await cli("inspect", file);
    expect(code).toBe(1);
    expect(output).toBe("");
    expect(remarks).toMatch(/^bitlane inspect: FORMAT: [^\n]+$/);
  });
});
