/**
 * How well a block format holds Gaussian and Laplace data: the quantiles of `src/formats/quality.ts`, whose
 * order matters here, in several drawn orders.
 */
import { type Distribution, quantilesOf } from "../formats/index.ts";
import { type BlockFormat, nearestBlocks } from "./block.ts";
import { drawSource } from "./philox.ts";

/** Other orders change the figures by less than 0.1 dB. */
const ORDERS = 4;

/** Signal-to-quantization-noise ratio in dB. The scales are the format's own: there is nothing to choose. */
export function blockQuality(format: BlockFormat, distribution: Distribution): number {
  const data = Float32Array.from(quantilesOf(distribution));
  let signal = 0;
  let noise = 0;
  for (let order = 0; order < ORDERS; order++) {
    shuffle(data, order);
    const rounded = nearestBlocks(format, data, data.length);
    for (let i = 0; i < data.length; i++) {
      signal += data[i]! ** 2;
      noise += (data[i]! - rounded[i]!) ** 2;
    }
  }
  return 10 * Math.log10(signal / noise);
}

function shuffle(data: Float32Array, step: number): void {
  const draw = drawSource({ seed: 1, layer: 0, step, stream: 0 });
  for (let i = data.length - 1; i > 0; i--) {
    const other = Math.floor((draw(i) / 2 ** 24) * (i + 1));
    [data[i], data[other]] = [data[other]!, data[i]!];
  }
}
