/**
 * The ways into and out of one lane of memory. What a run needs of them is looked up once: a tensor of a
 * tiny network takes less time to compute than its description takes to make.
 */
import { InputError, kindOf } from "../errors.ts";
import { float32 } from "../formats/index.ts";
import { quantize } from "../operators/index.ts";
import type { Rounding } from "../quantization/index.ts";
import {
  dataConstructor,
  elementCount,
  type TensorData,
  type TensorType,
  typeBytes,
} from "../tensor/index.ts";
import type { TypedArray } from "./feeds.ts";

interface ArrayType {
  new (): TensorData;
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
}

/** One input of a model: checks elements and writes them. */
export class InputPort {
  readonly #name: string;
  readonly #type: TensorType;
  readonly #target: Uint8Array;
  readonly #rounding: Rounding;
  /** The array type of raw codes. */
  readonly #wanted: ArrayType;
  readonly #elements: number;
  readonly #isQuantizable: boolean;

  /** @param target the tensor's bytes in memory */
  constructor(name: string, type: TensorType, target: Uint8Array, rounding: Rounding) {
    this.#name = name;
    this.#type = type;
    this.#target = target;
    this.#rounding = rounding;
    this.#wanted = dataConstructor(type.format) as unknown as ArrayType;
    this.#elements = typeBytes(type) / this.#wanted.BYTES_PER_ELEMENT;
    this.#isQuantizable = type.quantization !== undefined && type.format.bits <= 16;
  }

  /**
   * A Float32Array for an integer input with a scale is quantized (the QUANTIZE operator); raw codes
   * pass through.
   * @throws InputError before anything is written
   */
  write(given: TypedArray): void {
    // A subclass (Node's Buffer) or an array of another realm is as good.
    const kind = given instanceof this.#wanted ? this.#wanted.name : kindOf(given);
    if (kind.replace("Clamped", "") === this.#wanted.name) {
      this.#checkLength(given, this.#elements);
      this.#target.set(asBytes(given));
    } else if (kind === "Float32Array" && this.#isQuantizable) {
      this.#checkLength(given, elementCount(this.#type.shape));
      this.#target.set(asBytes(this.#quantize(given as Float32Array)));
    } else {
      const wanted = this.#isQuantizable
        ? `${this.#wanted.name} (raw codes) or Float32Array (real values)`
        : this.#wanted.name;
      throw new InputError(`${this.#where}: expected ${wanted}, got ${kind}`);
    }
  }

  #quantize(data: Float32Array): TensorData {
    const { shape } = this.#type;
    const real = { type: { format: float32, shape }, data };
    const context = { rounding: this.#rounding, outputs: [this.#type] };
    return quantize.reference([real], {}, context)[0]!.data;
  }

  get #where(): string {
    return `input "${this.#name}"`;
  }

  #checkLength(given: TypedArray, elements: number): void {
    if (given.length === elements) return;
    const shape = this.#type.shape.join(", ");
    throw new InputError(
      `${this.#where}: expected ${elements} elements for [${shape}], got ${given.length}`,
    );
  }
}

/** One output of a model. */
export class OutputPort {
  readonly name: string;
  readonly #source: TensorData;
  readonly #isFloat: boolean;

  /** @param source the tensor's elements in memory */
  constructor(name: string, type: TensorType, source: TensorData) {
    this.name = name;
    this.#source = source;
    this.#isFloat = type.format.name === "float32";
  }

  /** A fresh copy; every NaN is the canonical one. */
  read(): TensorData {
    const copy = this.#source.slice() as TensorData;
    if (this.#isFloat) {
      const floats = copy as Float32Array;
      for (let i = 0; i < floats.length; i++) if (floats[i] !== floats[i]) floats[i] = NaN;
    }
    return copy;
  }
}

function asBytes(data: TypedArray): Uint8Array {
  return data instanceof Uint8Array
    ? data
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
