/** One lane of a model's memory: the caller's tensors in and out, and operators that run their reference. */
import { ABSENT, type Graph, type ValueId } from "../graph/index.ts";
import type { Rounding } from "../quantization/index.ts";
import type { Runner } from "../schedule/index.ts";
import { type Tensor, type TensorData, viewData } from "../tensor/index.ts";
import { type Feeds, orderFeeds, type TensorInfo } from "./feeds.ts";
import { InputPort, OutputPort } from "./ports.ts";

/** Output arrays by name, fresh copies: raw codes for integer outputs. */
export type Results = Record<string, TensorData>;

/** What a lane needs to know of its model. */
interface Owner {
  readonly graph: Graph;
  readonly rounding: Rounding;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

type Binding = Runner["binding"];

export class Lane {
  readonly #owner: Owner;
  readonly #binding: Binding;
  readonly #lane: number;
  readonly #inputs: readonly InputPort[];
  readonly #outputs: readonly OutputPort[];

  constructor(owner: Owner, binding: Binding, lane: number) {
    this.#owner = owner;
    this.#binding = binding;
    this.#lane = lane;
    const { graph, rounding, inputs, outputs } = owner;
    this.#inputs = graph.inputs.map((id, i) => {
      const { type } = graph.values[id]!;
      return new InputPort(inputs[i]!.name, type, this.#bytes(id), rounding);
    });
    this.#outputs = graph.outputs.map((id, i) => {
      const { type } = graph.values[id]!;
      return new OutputPort(outputs[i]!.name, type, this.#view(id));
    });
  }

  /** @throws InputError a name, length or value that does not fit */
  write(feeds: Feeds): void {
    const given = orderFeeds(feeds, this.#owner.inputs);
    for (let i = 0; i < given.length; i++) this.#inputs[i]!.write(given[i]!);
  }

  read(): Results {
    const outputs = this.#outputs;
    if (outputs.length === 1) return { [outputs[0]!.name]: outputs[0]!.read() };
    return Object.fromEntries(outputs.map((output) => [output.name, output.read()]));
  }

  /** Computes a node that has no kernel. */
  runReference(index: number): void {
    const { graph, rounding } = this.#owner;
    const node = graph.nodes[index]!;
    const inputs = node.inputs.map((id) => (id === ABSENT ? undefined : this.#tensor(id)));
    const outputs = node.outputs.map((id) => graph.values[id]!.type);
    const results = node.operator.reference(inputs, node.attributes as never, {
      rounding,
      outputs,
    });
    node.outputs.forEach((id, i) => {
      const { data } = results[i]!;
      this.#bytes(id).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    });
  }

  #tensor(id: ValueId): Tensor {
    const { type, constant } = this.#owner.graph.values[id]!;
    return constant ?? { type, data: this.#view(id) };
  }

  #view(id: ValueId): TensorData {
    const { plan, program } = this.#binding;
    const address = this.#binding.address(plan.places.get(id)!, this.#lane);
    return viewData(this.#owner.graph.values[id]!.type, program.memory.buffer, address);
  }

  #bytes(id: ValueId): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.#view(id);
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
}
