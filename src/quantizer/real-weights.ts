/** Weights in real numbers. */
import { weightChannels } from "../operators/index.ts";
import { type Tensor, unpackCodes } from "../tensor/index.ts";

/**
 * @param w in float32, or in integers with a scale per tensor or channel
 * @param inner weights of one channel that follow each other: channel = floor(i / inner) mod channels
 */
export function dequantizedWeights(w: Tensor, channels: number, inner: number): Float32Array {
  if (w.type.format.kind === "float") return w.data as Float32Array;
  const { scales, zeroPoints } = weightChannels(w.type, channels);
  const codes = unpackCodes(w);
  const isBinary = w.type.format.name === "binary";
  const weights = new Float32Array(codes.length);
  for (let first = 0, c = 0; first < codes.length; first += inner, c = (c + 1) % channels) {
    const [scale, zeroPoint] = [scales[c]!, zeroPoints[c]!];
    for (let i = first; i < first + inner; i++) {
      const value = isBinary && codes[i] === 0 ? -1 : codes[i]!;
      weights[i] = (value - zeroPoint) * scale;
    }
  }
  return weights;
}
