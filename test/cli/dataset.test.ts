/** Labelled data in folders of every form. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PNG } from "pngjs";
import { readDataset, type Sample } from "../../src/cli/datasets/dataset.ts";
import { isCorrect, sampleToInput } from "../../src/cli/datasets/top1.ts";
import { writeZip } from "./zip-writer.ts";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "bitlane-data-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, bytes: Uint8Array | string) =>
  writeFileSync(join(folder, name), bytes);
const labelsOf = (samples: readonly Sample[]) => samples.map(({ label }) => label);

/** Ten grey pixels by nine, written by Pillow. */
const GREY_JPEG = Buffer.from(
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxO" +
    "UlNSMj5aYVpQYEpRUk//wAALCAAJAAoBAREA/8QAFgABAQEAAAAAAAAAAAAAAAAABQQG/8QAHBAAAgICAwAAAAAAAAAAAAAAAAEE" +
    "BREiITFB/9oACAEBAAA/AMvDqM41FFTcLQugeDC6R//Z",
  "base64",
);

describe("a folder of labelled data", () => {
  it("holds images that labels.json lists", async () => {
    const png = new PNG({ width: 1, height: 1 });
    png.data.set([10, 20, 30, 255]);
    write("a.png", PNG.sync.write(png));
    const images = [
      { file: "a.png", class: 7, name: "ignored" },
      { file: "a.png", class: 2 },
    ];
    write("labels.json", JSON.stringify({ about: "x", images }));
    const samples = await readDataset(folder, Infinity);
    expect(labelsOf(samples)).toEqual([7, 2]);
    expect(samples[0]).toMatchObject({ image: { width: 1, height: 1 } });
    write("labels.json", JSON.stringify({ images: [{ file: "b.png", class: 1 }] }));
    await expect(readDataset(folder, Infinity)).rejects.toThrow("b.png");
    write("labels.json", JSON.stringify({ images: [{ file: "a.png", class: "cat" }] }));
    await expect(readDataset(folder, Infinity)).rejects.toThrow('"class":"cat"');
  });

  it("holds features of one size per label", async () => {
    write("features.int8.bin", Uint8Array.of(1, 2, 255, 254, 5, 6));
    write("labels.json", JSON.stringify({ labels: [3, 1, 2] }));
    const samples = await readDataset(folder, Infinity);
    expect(samples).toEqual([
      { label: 3, codes: Int8Array.of(1, 2) },
      { label: 1, codes: Int8Array.of(-1, -2) },
      { label: 2, codes: Int8Array.of(5, 6) },
    ]);
    expect(labelsOf(await readDataset(folder, 2))).toEqual([3, 1]);
    write("labels.json", JSON.stringify({ labels: [3, 1, 2, 0] }));
    await expect(readDataset(folder, Infinity)).rejects.toThrow("4 samples of one size");
  });

  it("holds JPEG files in test.zip, by folders that are classes", async () => {
    write("classes.json", JSON.stringify(["cat", "dog"]));
    const files = ["test/dog/1.jpg", "test/cat/2.jpg"].map((name) => ({ name, data: GREY_JPEG }));
    write("test.zip", writeZip([...files, { name: "test/readme", data: Buffer.from("x") }]));
    const samples = await readDataset(folder, Infinity);
    expect(labelsOf(samples)).toEqual([1, 0]);
    expect(samples[0]).toMatchObject({ image: { width: 10, height: 9 } });
    write("classes.json", JSON.stringify(["cat"]));
    await expect(readDataset(folder, Infinity)).rejects.toThrow("a folder that is a class");
    write("classes.json", JSON.stringify(["cat", "dog"]));
    write("test.zip", writeZip([{ name: "cat/1.jpg", data: Buffer.from("no picture") }]));
    await expect(readDataset(folder, Infinity)).rejects.toThrow("cat/1.jpg");
  });

  it("holds MNIST's files", async () => {
    const pixels = Buffer.alloc(16 + 2 * 784, 9);
    write("t10k-images-idx3-ubyte.gz", gzipSync(pixels));
    write("t10k-labels-idx1-ubyte.gz", gzipSync(Buffer.of(0, 0, 8, 1, 0, 0, 0, 2, 4, 5)));
    const samples = await readDataset(folder, Infinity);
    expect(labelsOf(samples)).toEqual([4, 5]);
    expect(samples[1]).toMatchObject({ image: { width: 28, height: 28 } });
    write("t10k-labels-idx1-ubyte.gz", gzipSync(Buffer.alloc(8 + 3)));
    await expect(readDataset(folder, Infinity)).rejects.toThrow("3 images of 784 bytes");
    write("t10k-labels-idx1-ubyte.gz", "not packed");
    await expect(readDataset(folder, Infinity)).rejects.toThrow("gzip");
  });

  it.each([
    ["nothing known", "x.txt", "x", "expected a folder with labels.json"],
    ["labels.json without labels", "labels.json", "{}", '"images" or "labels"'],
    ["labels.json that is null", "labels.json", "null", '"images" or "labels"'],
    ["labels.json that is cut", "labels.json", '{"labels": [1,', "expected JSON"],
  ])("is refused with %s", async (_, file, text, message) => {
    write(file, text);
    await expect(readDataset(folder, Infinity)).rejects.toThrow(message);
  });
});

describe("samples and answers", () => {
  const codes = { label: 0, codes: Int8Array.of(-128, 4) };
  const input = { name: "x", dtype: "float32", shape: [1, 2] };

  it("turn feature codes into real values for float inputs, where their scale is known", () => {
    const features = { scale: 0.5, zeroPoint: 2 };
    expect(sampleToInput(codes, input, "auto", features)).toEqual(Float32Array.of(-65, 1));
    expect(() => sampleToInput(codes, input, "auto")).toThrow("expected int8 for features");
    expect(sampleToInput(codes, { ...input, dtype: "int8" }, "auto")).toBe(codes.codes);
  });

  it("count the first of the largest outputs, and class 0 of 1001 as the background", () => {
    expect(isCorrect([1, 5, 5], 1)).toBe(true);
    expect(isCorrect([1, 5, 5], 2)).toBe(false);
    const outputs = new Float32Array(1001);
    outputs[8] = 1;
    expect(isCorrect(outputs, 7)).toBe(true);
    expect(isCorrect(outputs.subarray(0, 1000), 8)).toBe(true);
  });
});
