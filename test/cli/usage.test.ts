/** Arguments, help and exit codes, without a model. */
import { describe, expect, it } from "vitest";
import { cli } from "./record-terminal.ts";

const COMMANDS = ["inspect", "run", "verify", "bench", "compare", "formats"];

describe("the command line", () => {
  it("lists its commands for --help", async () => {
    const { code, output } = await cli("--help");
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(output).toContain(`\n  ${command} `);
  });

  it("exits with 2 without a command and for one that it does not have", async () => {
    expect((await cli()).code).toBe(2);
    const { code, remarks } = await cli("quantise");
    expect(code).toBe(2);
    expect(remarks).toContain('expected a command, got "quantise"');
  });

  it.each(COMMANDS)("explains the options of %s for --help", async (command) => {
    const { code, output } = await cli(command, "--help");
    expect(code).toBe(0);
    expect(output).toContain(`usage: bitlane ${command}`);
    expect(output).toContain("--json");
  });

  it.each(COMMANDS)("exits with 2 and the usage for an unknown option of %s", async (command) => {
    const { code, output, remarks } = await cli(command, "model.tflite", "--colour");
    expect(code).toBe(2);
    expect(output).toBe("");
    expect(remarks).toContain("--colour");
    expect(remarks).toContain(`usage: bitlane ${command}`);
  });

  it.each([
    [["inspect"], "expected one MODEL, got none"],
    [["inspect", "a", "b"], "expected one MODEL, got 2"],
    [["inspect", "a", "--stage", "bytes"], '--stage: expected graph or plan, got "bytes"'],
    [["inspect", "a", "--stage"], "--stage"],
    [["run", "a"], "expected --input"],
    [["run", "a", "--input", "x.png", "--preset", "gamma"], "--preset: expected auto or codes"],
    [["run", "a", "--input", "x.png", "--top", "0"], "--top: expected an integer in [1,"],
    [["run", "a", "--input", "x.png", "--labels", "l.txt"], "--labels needs --top"],
    [["run", "a", "--input", "x.png", "--rounding", "up"], "--rounding: expected fp32"],
    [["verify"], "expected --golden INDEX.json"],
    [["verify", "--golden", "i.json", "--max-lsb", "-1"], "--max-lsb"],
    [["verify", "--golden", "i.json", "--max-lsb", "0.5"], "--max-lsb: expected an integer"],
    [["bench", "a", "--threads", "0"], "--threads: expected an integer in [1, 64]"],
    [["bench", "a", "--runs", "many"], "--runs: expected an integer"],
  ])("exits with 2 for %j", async (argv, message) => {
    const { code, remarks } = await cli(...argv);
    expect(code).toBe(2);
    expect(remarks).toContain(message);
  });

  it.each([
    [["inspect", "no-such-file.tflite"]],
    [["run", "no-such-file.tflite", "--input", "x.png"]],
    [["bench", "no-such-file.tflite"]],
    [["verify", "--golden", "no-such-index.json"]],
  ])("exits with 1 and one line with the error's code for %j", async (argv) => {
    const { code, output, remarks } = await cli(...argv);
    expect(code).toBe(1);
    expect(output).toBe("");
    expect(remarks).toMatch(/^bitlane \w+: (INPUT|FORMAT): no-such-[^\n]*$/);
  });
});
