/** The promise of robustness: a malformed model gets one typed error, soon; a valid one runs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BitlaneError, load } from "../src/index.ts";
import { sharedPath } from "./shared.ts";
import { zeroFeeds } from "./zeros.ts";

interface Entry {
  readonly file: string;
  readonly format: string;
  readonly wrong: string;
  /** The class that fits best. */
  readonly error: string;
}

/** Files whose class differs from the one in the index, and why. */
const OTHER_CLASS: Readonly<Record<string, readonly [name: string, reason: string]>> = {
  "tflite/concat_axis_out_of_range.tflite": [
    "ShapeError",
    "an axis outside the rank is a ShapeError for every operator (ARG_MAX in the same index too)",
  ],
  "tflite/squeeze_dim_out_of_range.tflite": [
    "ShapeError",
    "an axis outside the rank is a ShapeError for every operator (ARG_MAX in the same index too)",
  ],
  "tflite/conv_filter_shape_larger_than_buffer.tflite": [
    "ModelError",
    "a constant whose shape and data disagree is refused before any operator sees its shape",
  ],
};

const MAX_MS = 1000;
const folder = sharedPath("golden", "malformed");
const index = folder && JSON.parse(readFileSync(join(folder, "index.json"), "utf8"));
const ofTflite = (entries: readonly Entry[] = []): Entry[] =>
  entries.filter(({ format }) => format === "tflite");
const files = ofTflite(index?.files);
const controls = ofTflite(index?.controls);

async function loadAndRun(file: string): Promise<void> {
  const model = await load(readFileSync(join(folder!, file)), { threads: 1 });
  try {
    await model.run(zeroFeeds(model));
  } finally {
    await model.dispose();
  }
}

describe.skipIf(folder === undefined)("the malformed models of ../shared", () => {
  it("are 102 files and 24 controls", () => {
    expect([files.length, controls.length]).toEqual([102, 24]);
  });

  it.each(controls)("$file loads and runs", async ({ file }) => {
    await loadAndRun(file);
  });

  it.each(files)("$file is refused: $wrong", async ({ file, error: preferred }) => {
    const start = performance.now();
    const error: unknown = await loadAndRun(file).catch((reason: unknown) => reason);
    expect(performance.now() - start).toBeLessThan(MAX_MS);
    expect(error).toBeInstanceOf(BitlaneError);
    const [expected] = OTHER_CLASS[file] ?? [preferred];
    expect((error as BitlaneError).name, (error as BitlaneError).message).toBe(expected);
  });

  it("have no reason for a class that the index prefers anyway", () => {
    for (const [file, [name]] of Object.entries(OTHER_CLASS)) {
      expect(files.find((entry) => entry.file === file)?.error).not.toBe(name);
    }
  });
});
