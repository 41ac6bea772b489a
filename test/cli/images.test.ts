/** Decoding, resizing and normalising images. */
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { decodeImage, type Image } from "../../src/cli/images.ts";
import { imageToInput } from "../../src/cli/presets.ts";
import { resizeImage } from "../../src/cli/resize.ts";
import { FormatError, InputError, ResourceError } from "../../src/errors.ts";
import type { TensorInfo } from "../../src/model/index.ts";

/** 13×9 pixels whose channel c is (x²·a + y·b + 7xy) mod 256. */
function pattern(): Image {
  const [width, height] = [13, 9];
  const data = new Uint8Array(width * height * 4).fill(255);
  const factors = [
    [3, 40],
    [11, 17],
    [29, 5],
  ] as const;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      factors.forEach(([a, b], c) => {
        data[(y * width + x) * 4 + c] = (x * x * a + y * b + x * y * 7) % 256;
      });
    }
  }
  return { width, height, data };
}

const rgb = ({ data }: Image) => [...data].filter((_, i) => i % 4 !== 3);

describe("images", () => {
  it("come out of a PNG as they went in", async () => {
    const { width, height, data } = pattern();
    const png = new PNG({ width, height });
    png.data = Buffer.from(data);
    expect(await decodeImage(PNG.sync.write(png), "a.png")).toEqual({
      width,
      height,
      data: Buffer.from(data),
    });
  });

  it("come out of a JPEG close to what went in", async () => {
    const data = new Uint8Array(16 * 16 * 4).fill(200);
    const file = jpeg.encode({ width: 16, height: 16, data }, 95).data;
    const image = await decodeImage(file, "a.jpg");
    expect([image.width, image.height]).toEqual([16, 16]);
    expect(rgb(image).every((value) => Math.abs(value - 200) <= 3)).toBe(true);
  });

  it("are refused with a typed error when they are cut, of another kind or huge", async () => {
    const png = PNG.sync.write(new PNG({ width: 4, height: 4 }));
    await expect(decodeImage(png.subarray(0, 10), "a.png")).rejects.toThrow(FormatError);
    await expect(decodeImage(png.subarray(0, 40), "a.png")).rejects.toThrow(FormatError);
    await expect(decodeImage(Uint8Array.of(0xff, 0xd8, 0), "a.jpg")).rejects.toThrow(FormatError);
    await expect(decodeImage(Uint8Array.of(1, 2, 3), "a.gif")).rejects.toThrow(/PNG or JPEG/);
    const bomb = Buffer.from(png);
    bomb.writeUInt32BE(100_000, 16);
    bomb.writeUInt32BE(100_000, 20);
    await expect(decodeImage(bomb, "a.png")).rejects.toThrow(ResourceError);
  });
});

/** Σ ((i mod 97) + 1)·value: tells apart images that differ anywhere. */
function checksum(values: readonly number[]): number {
  return values.reduce((sum, value, i) => sum + ((i % 97) + 1) * value, 0);
}

describe("resizing", () => {
  // Pillow 12.3: Image.resize(size, Image.BILINEAR) of pattern().
  it.each([
    [4, 3, [73, 66, 63, 123, 116, 125, 133, 111, 140], 82948],
    [20, 9, [0, 0, 0, 1, 5, 14, 4, 15, 40], 3082922],
    [13, 5, [23, 10, 3, 30, 25, 36, 43, 62, 127], 1147519],
  ])("to %d × %d gives Pillow's pixels", (width, height, first, sum) => {
    const values = rgb(resizeImage(pattern(), width, height));
    expect(values.slice(0, 9)).toEqual(first);
    expect(checksum(values)).toBe(sum);
  });

  it("to the same size changes nothing", () => {
    expect(resizeImage(pattern(), 13, 9)).toEqual(pattern());
  });
});

const info = (dtype: string, channels: number, scale?: number, zeroPoint = 0): TensorInfo => ({
  name: "image",
  dtype,
  shape: [1, 1, 2, channels],
  ...(scale === undefined ? {} : { quantization: { scale, zeroPoint } }),
});
const twoPixels: Image = {
  width: 2,
  height: 1,
  data: Uint8Array.of(0, 128, 255, 255, 10, 20, 30, 255),
};

describe("presets", () => {
  it("take bytes as the codes of a uint8 input", () => {
    expect(imageToInput(twoPixels, info("uint8", 3, 1 / 128, 128), "auto")).toEqual(
      Uint8Array.of(0, 128, 255, 10, 20, 30),
    );
  });

  it.each([
    ["0 … 255", 1, -128],
    ["0 … 1", 1 / 255, -128],
    ["-1 … 1", 2 / 255, -1],
    ["-1 … 1, zero point 0", 2 / 255, 0],
  ])("take bytes − 128 as the codes of an int8 input that spans %s", (_, scale, zeroPoint) => {
    expect(imageToInput(twoPixels, info("int8", 3, scale, zeroPoint), "auto")).toEqual(
      Int8Array.of(-128, 0, 127, -118, -108, -98),
    );
  });

  it("ask for a preset where the scale does not tell", () => {
    expect(() => imageToInput(twoPixels, info("int8", 3, 0.58, 83), "auto")).toThrow(/--preset/);
    expect(() => imageToInput(twoPixels, info("int16", 3, 1), "auto")).toThrow(InputError);
  });

  it("give real values for float inputs, and for integer inputs on demand", () => {
    const values = (preset: "auto" | "raw" | "unit" | "signed" | "imagenet") => [
      ...imageToInput(twoPixels, info("float32", 3), preset),
    ];
    expect(values("raw")).toEqual([0, 128, 255, 10, 20, 30]);
    expect(values("unit")).toEqual(values("raw").map((byte) => Math.fround(byte / 255)));
    expect(values("auto")).toEqual(values("unit"));
    expect(values("signed")).toEqual(values("raw").map((byte) => Math.fround(byte / 127.5 - 1)));
    expect(values("imagenet")[2]).toBeCloseTo((1 - 0.406) / 0.225, 6);
    expect(imageToInput(twoPixels, info("int8", 3, 0.1), "unit")).toBeInstanceOf(Float32Array);
  });

  it("make one channel of luma, and four with transparency", () => {
    // (0, 128, 255): 0.299·0 + 0.587·128 + 0.114·255 = 104.2.
    expect(imageToInput(twoPixels, info("uint8", 1), "codes")).toEqual(Uint8Array.of(104, 18));
    expect(imageToInput(twoPixels, info("uint8", 4), "codes")).toEqual(twoPixels.data);
  });

  it("refuse inputs that are not images", () => {
    const flat = { ...info("uint8", 3), shape: [1, 490] };
    expect(() => imageToInput(twoPixels, flat, "codes")).toThrow(InputError);
    const features = { ...info("uint8", 3), shape: [1, 8, 8, 64] };
    expect(() => imageToInput(twoPixels, features, "codes")).toThrow(/1, 3 or 4/);
  });
});
