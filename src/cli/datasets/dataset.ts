/**
 * Labelled data in a folder. What lies in the folder says which form it has:
 *
 * | file                                | form                                                        |
 * |-------------------------------------|-------------------------------------------------------------|
 * | labels.json with `images`           | PNG or JPEG files: `[{ "file": "a.png", "class": 3 }, …]`   |
 * | labels.json with `labels`           | features.int8.bin, one label per sample                     |
 * | classes.json                        | test.zip with baseline JPEG files, the folder is the class  |
 * | t10k-images-idx3-ubyte.gz           | MNIST's IDX files                                           |
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { FormatError, InputError } from "../../errors.ts";
import { fileError } from "../command.ts";
import { decodeImage, type Image } from "../images.ts";
import { decodeJpeg } from "./jpeg.ts";
import { readZip } from "./zip.ts";

/** An image, or features as the codes of an int8 input. */
export type Sample =
  | { readonly label: number; readonly image: Image }
  | { readonly label: number; readonly codes: Int8Array };

/**
 * At most `limit` samples, spread over the whole set.
 * @throws InputError for a folder of no known form, FormatError for files that are damaged
 */
export async function readDataset(folder: string, limit: number): Promise<Sample[]> {
  if (existsSync(join(folder, "labels.json"))) return readLabelled(folder, limit);
  if (existsSync(join(folder, "classes.json"))) return readPictures(folder, limit);
  if (existsSync(join(folder, DIGIT_IMAGES))) return readDigits(folder, limit);
  throw new InputError(
    `${folder}: expected a folder with labels.json, with classes.json and test.zip, or with ${DIGIT_IMAGES}`,
  );
}

function spread<T>(all: readonly T[], limit: number): T[] {
  if (all.length <= limit) return [...all];
  return Array.from({ length: limit }, (_, i) => all[Math.floor((i * all.length) / limit)]!);
}

async function readBytes(...path: string[]): Promise<Uint8Array> {
  const file = join(...path);
  try {
    return await readFile(file);
  } catch (cause) {
    throw fileError(file, "a readable file", cause);
  }
}

async function readJson(...path: string[]): Promise<unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(await readBytes(...path))) as unknown;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new FormatError(`${join(...path)}: expected JSON, got ${cause.message}`, { cause });
  }
}

async function readLabelled(folder: string, limit: number): Promise<Sample[]> {
  const document = (await readJson(folder, "labels.json")) as {
    images?: readonly { file: string; class: number }[];
    labels?: readonly number[];
  } | null;
  if (Array.isArray(document?.images)) return readPhotographs(folder, document.images, limit);
  if (Array.isArray(document?.labels)) return readFeatures(folder, document.labels, limit);
  throw new FormatError(`${folder}/labels.json: expected "images" or "labels", got neither`);
}

function readPhotographs(
  folder: string,
  images: readonly { file: string; class: number }[],
  limit: number,
): Promise<Sample[]> {
  return Promise.all(
    spread(images, limit).map(async (entry) => {
      const { file, class: label } = entry;
      if (typeof file !== "string" || !Number.isInteger(label)) {
        throw new FormatError(
          `${folder}/labels.json: expected { "file": …, "class": … }, got ${JSON.stringify(entry)}`,
        );
      }
      return { label, image: await decodeImage(await readBytes(folder, file), file) };
    }),
  );
}

async function readFeatures(
  folder: string,
  labels: readonly number[],
  limit: number,
): Promise<Sample[]> {
  const codes = new Int8Array(await readBytes(folder, "features.int8.bin"));
  const size = codes.length / labels.length;
  if (!Number.isInteger(size)) {
    throw new FormatError(
      `${folder}/features.int8.bin: expected ${labels.length} samples of one size, got ${codes.length} bytes`,
    );
  }
  return spread([...labels.entries()], limit).map(([i, label]) => ({
    label,
    codes: codes.subarray(i * size, (i + 1) * size),
  }));
}

async function readPictures(folder: string, limit: number): Promise<Sample[]> {
  const classes = (await readJson(folder, "classes.json")) as readonly string[];
  const archive = join(folder, "test.zip");
  const files = readZip(await readBytes(archive), archive);
  const pictures = files.filter(({ name }) => name.endsWith(".jpg"));
  return spread(pictures, limit).map(({ name, read }) => {
    const label = classes.indexOf(name.split("/").at(-2) ?? "");
    if (label < 0) {
      throw new FormatError(`${archive}: ${name}: expected a folder that is a class`);
    }
    const { width, height, data } = decodePicture(read(), `${archive}: ${name}`);
    return { label, image: fromChannels(width, height, data, 3) };
  });
}

function decodePicture(bytes: Uint8Array, where: string): ReturnType<typeof decodeJpeg> {
  try {
    return decodeJpeg(bytes);
  } catch (cause) {
    throw new FormatError(`${where}: ${(cause as Error).message}`, { cause });
  }
}

const DIGIT_IMAGES = "t10k-images-idx3-ubyte.gz";
const DIGIT_LABELS = "t10k-labels-idx1-ubyte.gz";
const DIGIT_SIZE = 28;

/** 28×28 bytes per image behind a header of 16 bytes; labels behind one of 8. */
async function readDigits(folder: string, limit: number): Promise<Sample[]> {
  const pixels = (await unpack(folder, DIGIT_IMAGES)).subarray(16);
  const labels = (await unpack(folder, DIGIT_LABELS)).subarray(8);
  const size = DIGIT_SIZE ** 2;
  if (pixels.length !== labels.length * size) {
    throw new FormatError(
      `${folder}: expected ${labels.length} images of ${size} bytes, got ${pixels.length} bytes`,
    );
  }
  return spread([...labels.entries()], limit).map(([i, label]) => ({
    label,
    image: fromChannels(DIGIT_SIZE, DIGIT_SIZE, pixels.subarray(i * size, (i + 1) * size), 1),
  }));
}

async function unpack(folder: string, file: string): Promise<Uint8Array> {
  const packed = await readBytes(folder, file);
  try {
    return gunzipSync(packed);
  } catch (cause) {
    throw new FormatError(`${join(folder, file)}: expected gzip data, got ${String(cause)}`, {
      cause,
    });
  }
}

function fromChannels(width: number, height: number, bytes: Uint8Array, channels: 1 | 3): Image {
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) data[i * 4 + c] = bytes[i * channels + (c % channels)]!;
  }
  return { width, height, data };
}
