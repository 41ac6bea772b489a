/** `--input [NAME=]FILE`: which file is which input, and its elements. */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { InputError } from "../errors.ts";
import type { TensorInfo, TypedArray } from "../model/index.ts";
import { sameShape } from "../tensor/index.ts";
import { fileError } from "./command.ts";
import { decodeImage } from "./images.ts";
import { readNpy } from "./npy.ts";
import { imageToInput, type Preset } from "./presets.ts";
import { codesFromBytes } from "./tensor-file.ts";

/**
 * The file of every input, in model order. A text that begins with `<input name>=` names its input;
 * the others go to the inputs that are left, in order. @throws InputError
 */
export function assignInputs(given: readonly string[], inputs: readonly TensorInfo[]): string[] {
  const files = new Map<string, string>();
  const unnamed: string[] = [];
  for (const text of given) {
    const name = inputs.find((input) => text.startsWith(`${input.name}=`))?.name;
    if (name === undefined) unnamed.push(text);
    else if (files.has(name)) throw new InputError(`input "${name}": expected one file, got two`);
    else files.set(name, text.slice(name.length + 1));
  }
  const ordered = inputs.map(({ name }) => files.get(name) ?? unnamed.shift());
  if (unnamed.length > 0 || ordered.includes(undefined)) {
    const names = inputs.map(({ name }) => `"${name}"`).join(", ");
    throw new InputError(
      `expected one file for each of the inputs ${names}, got ${given.length} files (NAME=FILE names an input)`,
    );
  }
  return ordered as string[];
}

/** @throws InputError, FormatError, ResourceError, UnsupportedError */
export async function readInputFile(
  file: string,
  info: TensorInfo,
  preset: Preset,
): Promise<TypedArray> {
  const read = READERS[extname(file).toLowerCase()];
  if (read === undefined) {
    const known = Object.keys(READERS).join(", ");
    throw new InputError(`${file}: expected a name that ends with one of ${known}`);
  }
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw fileError(file, "a readable file", cause);
  }
  return read(bytes, file, info, preset);
}

type Reader = (
  bytes: Uint8Array,
  file: string,
  info: TensorInfo,
  preset: Preset,
) => TypedArray | Promise<TypedArray>;

const READERS: Readonly<Record<string, Reader>> = {
  ".png": readImage,
  ".jpg": readImage,
  ".jpeg": readImage,
  ".npy": readArray,
  ".bin": (bytes, file, info) => codesFromBytes(info, bytes, file),
};

async function readImage(bytes: Uint8Array, file: string, info: TensorInfo, preset: Preset) {
  return imageToInput(await decodeImage(bytes, file), info, preset);
}

/** Codes of the input's dtype, or floats as real values. The batch extent of 1 may be missing. */
function readArray(bytes: Uint8Array, file: string, info: TensorInfo): TypedArray {
  const { shape, data } = readNpy(bytes);
  const withoutBatch = info.shape[0] === 1 && sameShape(shape, info.shape.slice(1));
  if (!sameShape(shape, info.shape) && !withoutBatch) {
    throw new InputError(
      `${file}: expected the shape [${info.shape.join(", ")}] of input "${info.name}", got [${shape.join(", ")}]`,
    );
  }
  return data instanceof Float64Array ? Float32Array.from(data) : data;
}
