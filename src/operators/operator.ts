import type { Rounding } from "../quantization/index.ts";
import type { Tensor, TensorType } from "../tensor/index.ts";

/** What a reference run needs besides its inputs. */
export interface ReferenceContext {
  readonly rounding: Rounding;
  /** Types as `infer` gave them. */
  readonly outputs: readonly TensorType[];
}

/**
 * One operator: its rules and its normative result. `undefined` stands for an optional input that
 * is absent. Every kernel is tested to be equal to `reference`.
 */
export interface Operator<A = unknown> {
  /** The field's name in CamelCase: "Conv2D". */
  readonly name: string;
  /**
   * The output types. `declared` are the types that the file states; their format and quantization
   * are kept, their shape is recomputed. Checks every rule of the operator: shapes, formats,
   * quantization, attribute values. `constants[i]` is the data of input i where it is constant.
   * @throws ShapeError, QuantizationError, ModelError, UnsupportedError
   */
  infer(
    inputs: readonly (TensorType | undefined)[],
    attributes: A,
    declared: readonly TensorType[],
    constants: readonly (Tensor | undefined)[],
  ): TensorType[];
  /** Normative, slow, plain loops. Returns fresh tensors, inputs are not changed. */
  reference(
    inputs: readonly (Tensor | undefined)[],
    attributes: A,
    context: ReferenceContext,
  ): Tensor[];
  /** Multiply-accumulates of one run; absent means none. */
  macs?(inputs: readonly (TensorType | undefined)[], outputs: readonly TensorType[]): number;
}

/** Activation that an operator applies to its own result. */
export type Activation = "none" | "relu" | "relu6" | "relu_n1_to_1";

/** Border rule of a window: TFLite's SAME and VALID, or explicit amounts. */
export type Padding =
  | "same"
  | "valid"
  | {
      readonly top: number;
      readonly bottom: number;
      readonly left: number;
      readonly right: number;
    };

/** Height then width. */
export type Extent2D = readonly [height: number, width: number];
