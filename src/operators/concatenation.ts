/** Tensors one after the other along an axis. uint8 inputs with another scale are converted. */
import { ShapeError, UnsupportedError } from "../errors.ts";
import { f32, roundHalfAway, sameQuantization, saturate } from "../quantization/index.ts";
import { normalizeAxis, rowMajorStrides, type TensorType } from "../tensor/index.ts";
import {
  affine,
  checkActivation,
  checkCounts,
  checkSameFormat,
  describe,
  outputType,
} from "./checks.ts";
import {
  checkSameQuantization,
  checkWholeBytes,
  movementOperator,
  presentInputs,
} from "./movement.ts";
import type { Activation } from "./operator.ts";

export interface ConcatenationAttributes {
  readonly axis: number;
  /** TFLite takes "none" only. */
  readonly activation: Activation;
}

export const concatenation = movementOperator<ConcatenationAttributes>({
  name: "Concatenation",
  infer(inputs, attributes, declared) {
    checkCounts(inputs, [1, Infinity], declared);
    checkActivation(attributes.activation);
    if (attributes.activation !== "none") {
      throw new UnsupportedError(`activation ${attributes.activation} of a concatenation`);
    }
    const types = presentInputs(inputs);
    const first = types[0]!;
    const axis = normalizeAxis(attributes.axis, first.shape.length);
    let extent = 0;
    for (const type of types) {
      checkWholeBytes(type, "input");
      checkSameFormat(type, declared[0]!, "output");
      if (type.format.name === "uint8") needsTable(type, declared[0]!);
      else checkSameQuantization(type, declared[0]!, "output");
      const others = type.shape.length === first.shape.length;
      if (!others || type.shape.some((n, i) => i !== axis && n !== first.shape[i])) {
        throw new ShapeError(
          `expected the extents of ${describe(first)} except at axis ${axis}, got ${describe(type)}`,
        );
      }
      extent += type.shape[axis]!;
    }
    return [outputType(declared[0]!, first.shape.with(axis, extent))];
  },
  moves(inputs, attributes, outputs) {
    const y = outputs[0]!;
    const axis = normalizeAxis(attributes.axis, y.shape.length);
    const strides = rowMajorStrides(y.shape);
    let start = 0;
    return presentInputs(inputs).map((x, i) => {
      const to = { tensor: 0, offset: start * strides[axis]!, strides };
      start += x.shape[axis]!;
      const from = { tensor: i, offset: 0, strides: rowMajorStrides(x.shape) };
      const move = { shape: x.shape, from, to };
      return needsTable(x, y) ? { ...move, table: rescaleTable(x, y) } : move;
    });
  },
});

/** A uint8 input whose codes mean something else in the output. */
function needsTable(x: TensorType, y: TensorType): boolean {
  if (x.format.name !== "uint8" || sameQuantization(x.quantization, y.quantization)) return false;
  affine(x, "input");
  affine(y, "output");
  return true;
}

/** y = sat(RHA(f32(f32(x · r) + f32(−z_i · r))) + z_y) with r = f32(s_i · f32(1 / s_y)), as TFLite. */
function rescaleTable(x: TensorType, y: TensorType): Uint8Array {
  const from = affine(x, "input");
  const to = affine(y, "output");
  const ratio = f32(from.scale * f32(1 / to.scale));
  const shift = f32(-from.zeroPoint * ratio);
  return Uint8Array.from({ length: 256 }, (_, code) =>
    saturate(roundHalfAway(f32(f32(code * ratio) + shift)) + to.zeroPoint, 0, 255),
  );
}
