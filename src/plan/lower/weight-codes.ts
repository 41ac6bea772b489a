/** How few bits the weights of a layer need in their panels. */
import { hasBlocks } from "../../operators/index.ts";
import type { Tensor, TensorType } from "../../tensor/index.ts";

/** Fewest bits of a weight, the offset that makes its codes unsigned, and the largest code. */
interface WeightCodes {
  readonly bits: 1 | 2 | 4 | 8 | 16;
  readonly offset: number;
  readonly largest: number;
}

export function weightCodes(
  { type: { format } }: Tensor,
  zeroPoints: Int32Array,
  compact: () => Int8Array | Int16Array,
): WeightCodes {
  const { bits, kind, min, max } = format;
  const zeroPoint = zeroPoints[0]!;
  const isUniform = zeroPoints.every((value) => value === zeroPoint);
  // One bit is freed as 0 or 2.
  if (bits === 1) return { bits: 1, offset: 1, largest: 2 };
  if ((bits === 2 || bits === 4) && isUniform && (kind === "unsigned" || zeroPoint === 0)) {
    return { bits, offset: zeroPoint - min, largest: max - min };
  }
  const fitsInt8 = (isUniform && zeroPoint === 0 && max <= 127) || compact() instanceof Int8Array;
  return { bits: fitsInt8 ? 8 : 16, offset: 0, largest: 0 };
}

/** Kernels take taps and blocks of whole units of four; true where there are no blocks. */
export function hasWholeBlocks(w: TensorType): boolean {
  const tap = w.shape.at(-1)!;
  return !hasBlocks(w) || (tap % 4 === 0 && Math.min(w.quantization!.blockSize!, tap) % 4 === 0);
}
