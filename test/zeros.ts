/** Inputs of zeros for any model. */
import { formats } from "../src/formats/index.ts";
import type { Model } from "../src/index.ts";
import { allocateTensor, type TensorData } from "../src/tensor/index.ts";

export function zeroFeeds(model: Model): Record<string, TensorData> {
  return Object.fromEntries(
    model.inputs.map(({ name, dtype, shape }) => [
      name,
      allocateTensor({ format: formats.get(dtype)!, shape }).data,
    ]),
  );
}
