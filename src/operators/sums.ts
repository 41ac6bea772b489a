/** The two sums of products: of integers, and in float32. */
import { f32 } from "../quantization/index.ts";

/** start + Σ a[k] · w[from + k]: exact, because infer proved that no sum leaves int32. */
export function dotCodes(a: Int16Array, w: Int16Array, from: number, start: number): number {
  let sum = start | 0;
  for (let k = 0; k < a.length; k++) {
    sum = (sum + Math.imul(a[k]!, w[from + k]!)) | 0;
  }
  return sum;
}

/** start + Σ a[k] · w[from + k] with one rounding per multiply and per add, k ascending. */
export function dotFloats(a: Float32Array, w: Float32Array, from: number, start: number): number {
  let sum = f32(start);
  for (let k = 0; k < a.length; k++) {
    sum = f32(sum + f32(a[k]! * w[from + k]!));
  }
  return sum;
}
