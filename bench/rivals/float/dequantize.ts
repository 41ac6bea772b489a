import type { Tensor } from "../../../src/tensor/index.ts";

/** Real values of a constant, per tensor or per channel; numbers as they are without quantization. */
export function dequantizeTensor({ type, data }: Tensor): Float32Array {
  const { quantization, shape } = type;
  if (quantization === undefined) return Float32Array.from(data as ArrayLike<number>, Number);
  const { scale, zeroPoint, axis } = quantization;
  const inner = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  return Float32Array.from(data as ArrayLike<number>, (code, i) => {
    const channel = scale.length === 1 ? 0 : Math.floor(i / inner) % scale.length;
    return (Number(code) - zeroPoint[channel]!) * scale[channel]!;
  });
}
