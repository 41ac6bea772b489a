/**
 * Numbers of one format as numbers of another; quantization plays no part. float → integer cuts the
 * fraction, saturates, and gives 0 for NaN (undefined in TFLite); integer → integer keeps the low
 * bits; → bool is "other than 0".
 */
import { UnsupportedError } from "../errors.ts";
import type { Format } from "../formats/index.ts";
import { f32, saturate } from "../quantization/index.ts";
import { allocateTensor, elementCount, type Tensor, unpackCodes } from "../tensor/index.ts";
import { checkCounts, outputType, requireInput } from "./checks.ts";
import { checkWholeBytes } from "./movement.ts";
import type { Operator } from "./operator.ts";

/** The result's format is the declared one. */
export const cast: Operator<object> = {
  name: "Cast",
  infer(inputs, _attributes, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "a tensor");
    const y = declared[0]!;
    checkWholeBytes(y, "output");
    for (const format of [x.format, y.format]) {
      if (format.kind === "float" && format.bits < 16) {
        throw new UnsupportedError(`cast of ${x.format.name} to ${y.format.name}`);
      }
    }
    return [outputType(y, x.shape)];
  },
  reference([x], _attributes, context) {
    const y = allocateTensor(context.outputs[0]!);
    const read = reader(x!);
    const count = elementCount(y.type.shape);
    if (y.data instanceof BigInt64Array) {
      for (let i = 0; i < count; i++) y.data[i] = toInt64(read(i));
    } else {
      const write = converter(x!.type.format, y.type.format);
      for (let i = 0; i < count; i++) y.data[i] = write(read(i));
    }
    return [y];
  },
};

/** Values of a tensor: bigint for int64, else exact numbers. */
function reader(x: Tensor): (index: number) => number | bigint {
  const { format } = x.type;
  if (format.bits < 8) {
    const codes = unpackCodes(x);
    return (i) => codes[i]!;
  }
  const { data } = x;
  if (format.name === "bool") return (i) => (data[i] === 0 ? 0 : 1);
  if (format.kind === "float" && format.bits === 16) return (i) => format.decode(Number(data[i]));
  return (i) => data[i]!;
}

function toInt64(value: number | bigint): bigint {
  if (typeof value === "bigint") return value;
  if (Number.isNaN(value)) return 0n;
  // 2^63 itself is the first double above the range.
  if (value >= 2 ** 63) return 2n ** 63n - 1n;
  return BigInt(Math.trunc(Math.max(value, -(2 ** 63))));
}

/** What an element of a format other than int64 holds: a number, or the bits of a 16-bit float. */
function converter(from: Format, to: Format): (value: number | bigint) => number {
  if (to.name === "bool") return (value) => (Number(value) === 0 ? 0 : 1);
  if (to.name === "float32") return toFloat32;
  if (to.kind === "float") return (value) => to.encode(Number(value));
  if (from.kind === "float") {
    return (value) => {
      const whole = Math.trunc(Number(value));
      return Number.isNaN(whole) ? 0 : saturate(whole, to.min, to.max);
    };
  }
  // Storing into the narrower array keeps the low bits.
  return (value) => (typeof value === "bigint" ? Number(BigInt.asIntN(32, value)) : value);
}

/** One rounding. Beyond 2^53 the bits that a double cannot hold are kept as one sticky bit. */
function toFloat32(value: number | bigint): number {
  if (typeof value === "number") return f32(value);
  const magnitude = value < 0n ? -value : value;
  if (magnitude < 2n ** 53n) return f32(Number(value));
  const kept = (magnitude >> 11n) | (magnitude % 2048n === 0n ? 0n : 1n);
  return f32(Number(kept)) * (value < 0n ? -2048 : 2048);
}
