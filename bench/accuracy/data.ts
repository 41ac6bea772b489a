/** The labelled data of ../shared/data: photographs, small pictures, digits, keyword features. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { unzipSync } from "fflate";
import { decodeImage, type Image } from "../../src/cli/images.ts";
import { decodeJpeg } from "./jpeg.ts";

/** An image, or features as the codes of an int8 input. */
export type Sample =
  | { readonly label: number; readonly image: Image }
  | { readonly label: number; readonly codes: Int8Array };

export type DatasetName = "imagenet-dev" | "cifar10" | "mnist" | "kws";

/** At most `limit` samples, spread over the whole set. */
export function readDataset(folder: string, name: DatasetName, limit: number): Promise<Sample[]> {
  return READERS[name](join(folder, name), limit);
}

const READERS: Readonly<Record<DatasetName, (folder: string, limit: number) => Promise<Sample[]>>> =
  {
    "imagenet-dev": readPhotographs,
    cifar10: readPictures,
    mnist: readDigits,
    kws: readFeatures,
  };

function spread<T>(all: readonly T[], limit: number): T[] {
  if (all.length <= limit) return [...all];
  return Array.from({ length: limit }, (_, i) => all[Math.floor((i * all.length) / limit)]!);
}

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8")) as unknown;

/** 224×224 PNG files; labels are ImageNet's classes from 0. */
async function readPhotographs(folder: string, limit: number): Promise<Sample[]> {
  const { images } = readJson(folder, "labels.json") as {
    images: readonly { file: string; class: number }[];
  };
  return Promise.all(
    spread(images, limit).map(async ({ file, class: label }) => ({
      label,
      image: await decodeImage(readFileSync(join(folder, file)), file),
    })),
  );
}

/** 32×32 JPEG files in a zip; the folder is the class. */
async function readPictures(folder: string, limit: number): Promise<Sample[]> {
  const classes = readJson(folder, "classes.json") as readonly string[];
  const files = Object.entries(unzipSync(readFileSync(join(folder, "test.zip"))));
  const pictures = files.filter(([name]) => name.endsWith(".jpg"));
  return spread(pictures, limit).map(([name, bytes]) => {
    const label = classes.indexOf(name.split("/").at(-2)!);
    if (label < 0) throw new Error(`${name}: expected a folder that is a class`);
    const { width, height, data } = decodeJpeg(bytes);
    return { label, image: fromChannels(width, height, data, 3) };
  });
}

/** 28×28 bytes in IDX files: a header of 16 bytes for images, of 8 for labels. */
async function readDigits(folder: string, limit: number): Promise<Sample[]> {
  const unpack = (file: string) => gunzipSync(readFileSync(join(folder, file)));
  const pixels = unpack("t10k-images-idx3-ubyte.gz").subarray(16);
  const labels = unpack("t10k-labels-idx1-ubyte.gz").subarray(8);
  return spread([...labels.entries()], limit).map(([i, label]) => ({
    label,
    image: fromChannels(28, 28, pixels.subarray(i * 784, (i + 1) * 784), 1),
  }));
}

/** 49×10 int8 features per sample. */
async function readFeatures(folder: string, limit: number): Promise<Sample[]> {
  const { labels } = readJson(folder, "labels.json") as { labels: readonly number[] };
  const codes = new Int8Array(readFileSync(join(folder, "features.int8.bin")));
  const size = codes.length / labels.length;
  return spread([...labels.entries()], limit).map(([i, label]) => ({
    label,
    codes: codes.subarray(i * size, (i + 1) * size),
  }));
}

function fromChannels(width: number, height: number, bytes: Uint8Array, channels: 1 | 3): Image {
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) data[i * 4 + c] = bytes[i * channels + (c % channels)]!;
  }
  return { width, height, data };
}
