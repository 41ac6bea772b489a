/** What a row of the operator table sees of one operator: its options and its constant inputs. */
import { InternalError, ModelError, ShapeError, UnsupportedError } from "../../errors.ts";
import type { Activation, Extent2D, Padding } from "../../operators/index.ts";
import type { TensorType } from "../../tensor/index.ts";
import type { Table } from "./flatbuffer.ts";
import type { OptionsTable } from "./options.ts";
import { ACTIVATIONS, PADDINGS, TENSOR_TYPES } from "./schema.ts";
import type { TensorRecord } from "./tensors.ts";

/** Longest list that an operator can mean: more entries than any rank, so `infer` names the rule. */
const MAX_LIST = 64;

export class NodeReader<F extends string = never> {
  /** `undefined` is an optional input that is absent. */
  readonly inputs: readonly (TensorRecord | undefined)[];
  readonly outputs: readonly TensorRecord[];
  readonly #options: Table | undefined;
  readonly #table: OptionsTable | undefined;

  constructor(
    inputs: readonly (TensorRecord | undefined)[],
    outputs: readonly TensorRecord[],
    options: Table | undefined,
    table: OptionsTable<F> | undefined,
  ) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.#options = options;
    this.#table = table;
  }

  int32(name: F, fallback = 0): number {
    return this.#options?.int32(this.#field(name), fallback) ?? fallback;
  }

  /** A float that has to be finite. */
  float32(name: F): number {
    const value = this.#options?.float32(this.#field(name)) ?? 0;
    if (!Number.isFinite(value))
      throw new ModelError(`${name}: expected a finite number, got ${value}`);
    return value;
  }

  bool(name: F): boolean {
    return this.#options?.bool(this.#field(name)) ?? false;
  }

  /** Value of an enum, or of a type, in its byte. */
  code(name: F): number {
    return this.#options?.int8(this.#field(name)) ?? 0;
  }

  int32s(name: F): number[] | undefined {
    const field = this.#field(name);
    checkList(this.#options?.count(field, 4) ?? 0, name);
    return this.#options?.int32s(field);
  }

  padding(this: NodeReader<F | "padding">): Padding {
    const code = this.code("padding");
    const padding = PADDINGS[code];
    if (padding === undefined) {
      throw new ModelError(`padding: expected 0 (SAME) or 1 (VALID), got ${code}`);
    }
    return padding;
  }

  activation(this: NodeReader<F | "fused_activation_function">): Activation {
    const code = this.code("fused_activation_function");
    const name = ACTIVATIONS[code];
    if (name === undefined) {
      throw new ModelError(
        `fused_activation_function: expected 0 to ${ACTIVATIONS.length - 1}, got ${code}`,
      );
    }
    switch (name) {
      case "NONE":
        return "none";
      case "RELU":
        return "relu";
      case "RELU6":
        return "relu6";
      case "RELU_N1_TO_1":
        return "relu_n1_to_1";
      default:
        throw new UnsupportedError(`fused activation ${name}`);
    }
  }

  strides(this: NodeReader<F | "stride_h" | "stride_w">): Extent2D {
    return [this.int32("stride_h"), this.int32("stride_w")];
  }

  dilations(this: NodeReader<F | "dilation_h_factor" | "dilation_w_factor">): Extent2D {
    return [this.int32("dilation_h_factor", 1), this.int32("dilation_w_factor", 1)];
  }

  /** The numbers of a constant int32 or int64 input of rank 0 or 1. */
  integers(input: number, what: string): number[] {
    const { type, numbers } = this.#constant(input, what);
    if (type.shape.length > 1) {
      throw new ShapeError(`expected ${what} of rank 1, got [${type.shape.join(", ")}]`);
    }
    return numbers;
  }

  /** The number of a constant int32 or int64 input of one element. */
  integer(input: number, what: string): number {
    const { type, numbers } = this.#constant(input, what);
    if (numbers.length !== 1) {
      throw new ShapeError(`expected ${what} of one element, got [${type.shape.join(", ")}]`);
    }
    return numbers[0]!;
  }

  /** The rows of a constant int32 or int64 input of shape [n, 2]. */
  pairs(input: number, what: string): [number, number][] {
    const { type, numbers } = this.#constant(input, what);
    if (type.shape.length !== 2 || type.shape[1] !== 2) {
      throw new ShapeError(`expected ${what} of shape [rank, 2], got [${type.shape.join(", ")}]`);
    }
    return Array.from({ length: type.shape[0]! }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!]);
  }

  #constant(input: number, what: string): { type: TensorType; numbers: number[] } {
    const record = this.inputs[input];
    if (record === undefined) throw new ModelError(`expected ${what} as input ${input}, got none`);
    const { type, constant } = record.value;
    if (type.format.name !== "int32" && type.format.name !== "int64") {
      throw new ModelError(`expected ${what} as int32 or int64, got ${type.format.name}`);
    }
    if (constant === undefined) {
      throw new UnsupportedError(`${what} that is computed at run time`);
    }
    checkList(constant.data.length, what);
    const numbers: number[] = [];
    for (const value of constant.data) {
      const number = Number(value);
      if (!Number.isSafeInteger(number)) {
        throw new ModelError(`expected ${what} within ±(2^53 − 1), got ${value}`);
      }
      numbers.push(number);
    }
    return { type, numbers };
  }

  #field(name: string): number {
    const field = this.#table?.fields.indexOf(name) ?? -1;
    if (field < 0) throw new InternalError(`no option named ${name}`);
    return field;
  }
}

function checkList(count: number, what: string): void {
  if (count > MAX_LIST) {
    throw new ShapeError(`expected ${what} of at most ${MAX_LIST} numbers, got ${count}`);
  }
}

/** The schema's name of a type code, for messages. */
export function tensorTypeName(code: number): string {
  return TENSOR_TYPES[code] ?? `${code}`;
}
