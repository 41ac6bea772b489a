/** The images of examples/digits/. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { drawDigits } from "../../examples/draw-digits.ts";
import { decodeImage } from "../../src/cli/images.ts";
import { imageToInput } from "../../src/cli/presets.ts";
import { load } from "../../src/index.ts";
import { DIGITS, root } from "./digits.ts";

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
