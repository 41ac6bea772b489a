/** Which network is measured on which data, and how the data goes in. */
import type { Preset } from "../../src/cli/presets.ts";

/** A folder of ../shared/data. */
export type DatasetName = "imagenet-dev" | "cifar10" | "mnist" | "kws";

export interface Network {
  /** Path below ../shared/models. */
  readonly model: string;
  readonly dataset: DatasetName;
  /** Real values of a float input; integer inputs take the bytes as codes (int8: byte − 128). */
  readonly floatPreset: Preset;
  /** Images by which the count may differ from TFLite's. */
  readonly allowed: number;
}

const EXACT = 1;
/** The photographs are resized; TFLite's were resized by Pillow. */
const RESIZED = 4;

export const NETWORKS: readonly Network[] = [
  ...rows("imagenet-dev", "signed", EXACT, [
    "imagenet/mobilenet_v2_int8_perchannel",
    "imagenet/mobilenet_v2_uint8_pertensor",
    "low-bit/mobilenet_v2_w4a8",
  ]),
  ...rows("imagenet-dev", "signed", RESIZED, ["imagenet/mobilenet_v1_0.25_128_uint8"]),
  ...rows("imagenet-dev", "raw", RESIZED, [
    "imagenet/squeezenet_1.0_227_float",
    "imagenet/squeezenet_1.0_227_int8",
    "low-bit/squeezenet_1.0_227_w4a8",
  ]),
  ...rows("kws", "codes", EXACT, [
    "mlperf-tiny/kws_float",
    "mlperf-tiny/kws_int8",
    "low-bit/kws_w4a8",
  ]),
  ...rows("cifar10", "raw", EXACT, [
    "mlperf-tiny/resnet8_float",
    "mlperf-tiny/resnet8_int8",
    "mlperf-tiny/resnet8_large_float",
    "mlperf-tiny/resnet8_large_int8",
    "low-bit/resnet8_w4a8",
  ]),
  ...rows("mnist", "unit", EXACT, [
    "digits/digits_float",
    "digits/digits_int8",
    "low-bit/digits_w4a8",
  ]),
];

function rows(
  dataset: DatasetName,
  floatPreset: Preset,
  allowed: number,
  models: readonly string[],
): Network[] {
  return models.map((model) => ({ model: `${model}.tflite`, dataset, floatPreset, allowed }));
}
