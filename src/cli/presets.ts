/** From the pixels of an image to the elements of a model's input: channels, size, normalisation. */
import { InputError } from "../errors.ts";
import type { TensorInfo } from "../model/index.ts";
import type { Image } from "./images.ts";
import { resizeImage } from "./resize.ts";

/** Mean and deviation of ImageNet's RGB values in [0, 1], as torchvision gives them. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406];
const IMAGENET_DEVIATION = [0.229, 0.224, 0.225];

/** The real value that stands for byte `b` of a channel. */
const REAL_VALUES = {
  raw: (b: number) => b,
  unit: (b: number) => b / 255,
  signed: (b: number) => b / 127.5 - 1,
  imagenet: (b: number, channel: number) =>
    (b / 255 - (IMAGENET_MEAN[channel] ?? 0)) / (IMAGENET_DEVIATION[channel] ?? 1),
} as const;

export type Preset = keyof typeof REAL_VALUES | "codes" | "auto";
export const PRESETS: readonly Preset[] = ["auto", "codes", "raw", "unit", "signed", "imagenet"];

export const PRESET_NOTES = `Presets of images (the image is resized to the input's height and width first):
  raw       real values 0 … 255
  unit      real values 0 … 1
  signed    real values -1 … 1
  imagenet  (unit - mean) / deviation of ImageNet, for RGB
  codes     uint8: the bytes are the codes; int8: byte - 128
  auto      (default) codes for uint8; codes for int8 whose codes -128 … 127 stand for 0 … 255,
            0 … 1 or -1 … 1; unit for float32; an error for any other input
Real values are quantized with the input's scale and zero point.`;

/** Ranges of real values that an image's bytes span under the presets raw, unit and signed. */
const IMAGE_RANGES: readonly (readonly [number, number])[] = [
  [0, 255],
  [0, 1],
  [-1, 1],
];

/**
 * @param info an input of shape [1, H, W, C] with C = 1 (luma of ITU-R 601), 3 (RGB) or 4 (RGBA)
 * @returns raw codes under "codes", else real values, which the model quantizes
 * @throws InputError for another shape, or an input that "auto" does not cover
 */
export function imageToInput(
  image: Image,
  info: TensorInfo,
  preset: Preset,
): Uint8Array | Int8Array | Float32Array {
  const [batch, height, width, channels] = info.shape;
  const isImage = info.shape.length === 4 && batch === 1 && [1, 3, 4].includes(channels!);
  if (!isImage || height! < 1 || width! < 1) {
    throw new InputError(
      `input "${info.name}": expected an image input [1, height, width, 1, 3 or 4], got [${info.shape.join(", ")}]`,
    );
  }
  const bytes = selectChannels(resizeImage(image, width!, height!), channels!);
  const chosen = preset === "auto" ? automaticPreset(info) : preset;
  if (chosen !== "codes") {
    const real = REAL_VALUES[chosen];
    return Float32Array.from(bytes, (byte, i) => real(byte, i % channels!));
  }
  if (info.dtype === "uint8") return bytes;
  if (info.dtype === "int8") return Int8Array.from(bytes, (byte) => byte - 128);
  throw new InputError(
    `input "${info.name}": expected int8 or uint8 for the preset codes, got ${info.dtype}`,
  );
}

function automaticPreset(info: TensorInfo): Exclude<Preset, "auto"> {
  if (info.dtype === "uint8") return "codes";
  if (info.dtype === "float32") return "unit";
  if (info.dtype === "int8" && spansImageRange(info)) return "codes";
  throw new InputError(
    `input "${info.name}": its dtype and scale do not say how an image goes in, give --preset`,
  );
}

/** Whether codes −128 … 127 stand for one of the image ranges, to within 1 % of the range. */
function spansImageRange({ quantization }: TensorInfo): boolean {
  if (quantization === undefined) return false;
  const { scale, zeroPoint } = quantization;
  const first = scale * (-128 - zeroPoint);
  const last = scale * (127 - zeroPoint);
  return IMAGE_RANGES.some(
    ([low, high]) => Math.max(Math.abs(first - low), Math.abs(last - high)) <= 0.01 * (high - low),
  );
}

/** RGBA to 1, 3 or 4 channels. Transparency is dropped, not blended, as Pillow does. */
function selectChannels({ data }: Image, channels: number): Uint8Array {
  const pixels = data.length / 4;
  const result = new Uint8Array(pixels * channels);
  for (let i = 0; i < pixels; i++) {
    if (channels === 1) {
      const [r, g, b] = data.subarray(i * 4, i * 4 + 3);
      // Pillow's convert("L"): 0.299, 0.587 and 0.114 in 16 fraction bits, rounded.
      result[i] = (r! * 19595 + g! * 38470 + b! * 7471 + 0x8000) >> 16;
    } else {
      result.set(data.subarray(i * 4, i * 4 + channels), i * channels);
    }
  }
  return result;
}
