/** `bitlane bench`, and the process around the commands. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { LayerReport } from "../../src/cli/layers.ts";
import { whyNoRevectorization } from "../../src/wasm/index.ts";
import { MODEL, ONE_THREAD, root, THREE } from "./digits.ts";
import { cli, cliJson } from "./record-terminal.ts";

describe("bitlane bench", () => {
  it("gives the fields that scripts read", async () => {
    const { code, document } = await cliJson("bench", MODEL, "--runs", "3", "--threads", "1");
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
    // In int8 digits are over before a second thread has begun.
    const { document } = await cliJson("bench", join(root, "models/digits_float.tflite"), ...argv);
    expect(document).toMatchObject({ threads: 2, isa: "simd128" });
  });

  it("prints a table of the layers for --layers", async () => {
    const { output } = await cli("bench", MODEL, ...ONE_THREAD, "--runs", "1", "--layers");
    expect(output).toMatch(/^node {2}operator /m);
    expect(output).toMatch(/^ +9 {2}Softmax .* %/m);
    expect(output).toMatch(/^ +\(outputs copied\) .* %/m);
  });

  it("holds every layer to a measured bound", async () => {
    const { document } = await cliJson("bench", MODEL, ...ONE_THREAD, "--runs", "1", "--layers");
    const { layers } = document as unknown as { layers: LayerReport };
    expect(layers.rows).toHaveLength(11);
    for (const { timeMs, boundShare } of layers.rows) {
      expect(timeMs).toBeGreaterThan(0);
      expect(boundShare).toBeGreaterThan(0);
      expect(boundShare).toBeLessThan(Infinity);
    }
    // The relaxed dot is slower than this only where it is five instructions.
    const { multiply, float, copy } = layers.limits;
    expect(Math.min(multiply, float, copy)).toBeGreaterThan(1e8);
  });

  it("gives parts of a run that add up to the whole", async () => {
    const { document } = await cliJson("bench", MODEL, ...ONE_THREAD, "--runs", "1", "--layers");
    const { layers } = document as unknown as { layers: LayerReport };
    const { rows, inputMs, outputMs, callMs, wholeMs, plainMs } = layers;
    const parts = [...rows.map(({ timeMs }) => timeMs), inputMs, outputMs, callMs];
    const sum = parts.reduce((total, timeMs) => total + timeMs, 0);
    expect(sum / wholeMs).toBeCloseTo(1, 6);
    expect(layers.attributed).toBeGreaterThan(0.95);
    expect(layers.attributed).toBeLessThanOrEqual(1);
    // The runs without the clock are others, on a machine that others use as well.
    expect(wholeMs / plainMs!).toBeGreaterThan(0.5);
    expect(wholeMs / plainMs!).toBeLessThan(2);
  });

  it("switches revectorization on for --revectorize, or says why not", async () => {
    const { code, remarks } = await cli("run", MODEL, THREE, ...ONE_THREAD, "--revectorize");
    expect(code).toBe(0);
    const why = whyNoRevectorization();
    expect(remarks).toBe(why === undefined ? "" : `not revectorized: ${why}`);
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
