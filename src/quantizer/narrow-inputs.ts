/** Values in fewer bits in front of re-quantized layers: one Quantize per value, which its readers share. */
import type { Format } from "../formats/index.ts";
import { createNode, type ValueId } from "../graph/index.ts";
import { quantize } from "../operators/index.ts";
import type { GraphEdit } from "./graph-edit.ts";
import { narrowType } from "./narrow.ts";
import type { Observations } from "./observation.ts";

export class NarrowInputs {
  readonly #edit: GraphEdit;
  readonly #format: Format | undefined;
  readonly #observed: Observations | undefined;
  /** The low-bit form of a value, by its id. */
  readonly #narrowed = new Map<ValueId, ValueId>();

  /** @param format undefined: values stay as they are */
  constructor(edit: GraphEdit, format: Format | undefined, observed: Observations | undefined) {
    this.#edit = edit;
    this.#format = format;
    this.#observed = observed;
  }

  /** What layers read in place of x; x itself where it has fewer than 8 bits. */
  of(x: ValueId): ValueId {
    const known = this.#narrowed.get(x);
    if (known !== undefined) return known;
    const format = this.#format;
    const { name, type } = this.#edit.values[x]!;
    if (format === undefined || type.format.bits < 8) return x;
    const label = `${name}/${format.name}`;
    const values = this.#observed?.values.get(x)?.values;
    const id = this.#edit.add({ name: label, type: narrowType(type, format, values) });
    this.#narrowed.set(x, id);
    this.#edit.nodes.push(createNode(label, quantize, {}, [x], [id]));
    return id;
  }
}
