/** Writes TFLite models for tests from a short description. Numbers are those of the schema. */
import { BUILTIN_OPERATORS, TENSOR_TYPES } from "../../src/importers/tflite/schema.ts";
import {
  bytes,
  finish,
  float32s,
  int32,
  int32s,
  int64s,
  int8,
  type Part,
  string,
  table,
  uint32,
  uint64,
  uint8,
  vector,
} from "./flatbuffer-writer.ts";

export interface TensorDescription {
  readonly name?: string;
  readonly shape: readonly number[];
  /** The schema's name or number of the type. */
  readonly type?: string | number;
  readonly data?: ArrayBufferView;
  readonly quantization?: {
    readonly scale: readonly number[];
    readonly zeroPoint: readonly (number | bigint)[];
    readonly axis?: number;
    readonly detailsType?: number;
  };
  readonly shapeSignature?: readonly number[];
  /** Fields of the table that nothing above writes. */
  readonly more?: Readonly<Record<number, Part>>;
}

export interface OperatorDescription {
  /** The schema's name, a number, "CUSTOM:name", or both fields of the operator code. */
  readonly type: string | number | readonly [deprecatedCode: number, code: number];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Code in the union of options, and the fields. */
  readonly options?: readonly [code: number, fields: Readonly<Record<number, Part>>];
  readonly more?: Readonly<Record<number, Part>>;
}

export interface SubgraphDescription {
  readonly name?: string;
  readonly tensors: readonly TensorDescription[];
  readonly operators: readonly OperatorDescription[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

export interface ModelDescription extends SubgraphDescription {
  readonly version?: number;
  readonly identifier?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, Uint8Array>>;
  readonly signature?: {
    readonly key: string;
    readonly inputs: readonly (readonly [name: string, tensor: number])[];
    readonly outputs: readonly (readonly [name: string, tensor: number])[];
    readonly subgraph?: number;
  };
  /** Subgraphs behind the main one. */
  readonly others?: readonly SubgraphDescription[];
  /** Appends the data of every tensor behind the FlatBuffer instead of inside. */
  readonly dataOutside?: boolean;
}

export function writeModel(model: ModelDescription): Uint8Array {
  if (model.dataOutside !== true) return encode(model, undefined);
  // The offsets depend on the size of the FlatBuffer, whose size does not depend on the offsets.
  const size = encode(model, 0).length;
  const whole: number[] = [...encode(model, size)];
  for (const data of allData(model)) whole.push(...data);
  return Uint8Array.from(whole);
}

function subgraphsOf(model: ModelDescription): SubgraphDescription[] {
  return [model, ...(model.others ?? [])];
}

function allData(model: ModelDescription): Uint8Array[] {
  return subgraphsOf(model).flatMap(({ tensors }) =>
    tensors.flatMap(({ data }) =>
      data === undefined ? [] : [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
    ),
  );
}

function encode(model: ModelDescription, outside: number | undefined): Uint8Array {
  const codes: OperatorDescription["type"][] = [];
  const buffers: Part[] = [table({})];
  let offset = outside ?? 0;
  for (const data of allData(model)) {
    buffers.push(
      outside === undefined
        ? table({ 0: bytes(data) })
        : table({ 1: uint64(BigInt(offset)), 2: uint64(BigInt(data.length)) }),
    );
    offset += data.length;
  }
  let nextBuffer = 1;
  const tensor = (description: TensorDescription): Part => {
    const { quantization, type = "FLOAT32" } = description;
    return table({
      0: int32s(description.shape),
      1: int8(typeof type === "number" ? type : TENSOR_TYPES.indexOf(type)),
      2: uint32(description.data === undefined ? 0 : nextBuffer++),
      3: description.name === undefined ? undefined : string(description.name),
      4:
        quantization &&
        table({
          2: float32s(quantization.scale),
          3: int64s(quantization.zeroPoint.map(BigInt)),
          4: quantization.detailsType === undefined ? undefined : uint8(quantization.detailsType),
          5: quantization.detailsType === undefined ? undefined : table({}),
          6: int32(quantization.axis ?? 0),
        }),
      7: description.shapeSignature && int32s(description.shapeSignature),
      ...description.more,
    });
  };
  const operator = ({ type, inputs, outputs, options, more }: OperatorDescription): Part => {
    if (!codes.includes(type)) codes.push(type);
    return table({
      0: uint32(codes.indexOf(type)),
      1: int32s(inputs),
      2: int32s(outputs),
      3: options && uint8(options[0]),
      4: options && table(options[1]),
      ...more,
    });
  };
  const subgraphs = subgraphsOf(model).map((subgraph) =>
    table({
      0: vector(subgraph.tensors.map(tensor)),
      1: int32s(subgraph.inputs),
      2: int32s(subgraph.outputs),
      3: vector(subgraph.operators.map(operator)),
      4: subgraph.name === undefined ? undefined : string(subgraph.name),
    }),
  );
  const metadata = Object.entries(model.metadata ?? {}).map(([name, data]) => {
    buffers.push(table({ 0: bytes(data) }));
    return table({ 0: string(name), 1: uint32(buffers.length - 1) });
  });
  const { signature } = model;
  const map = (entries: readonly (readonly [string, number])[]): Part =>
    vector(entries.map(([name, index]) => table({ 0: string(name), 1: uint32(index) })));
  const root = table({
    0: uint32(model.version ?? 3),
    1: vector(codes.map(operatorCode)),
    2: vector(subgraphs),
    3: model.description === undefined ? undefined : string(model.description),
    4: vector(buffers),
    6: vector(metadata),
    7:
      signature &&
      vector([
        table({
          0: map(signature.inputs),
          1: map(signature.outputs),
          2: string(signature.key),
          4: uint32(signature.subgraph ?? 0),
        }),
      ]),
  });
  return finish(root, model.identifier);
}

function operatorCode(type: OperatorDescription["type"]): Part {
  const custom = typeof type === "string" && type.startsWith("CUSTOM:");
  const [deprecatedCode, code] = codesOf(custom ? "CUSTOM" : type);
  return table({
    0: int8(deprecatedCode),
    1: custom ? string(type.slice("CUSTOM:".length)) : undefined,
    2: int32(1),
    3: int32(code),
  });
}

function codesOf(type: OperatorDescription["type"]): readonly [number, number] {
  if (typeof type === "object") return type;
  const code = typeof type === "number" ? type : BUILTIN_OPERATORS.indexOf(type);
  if (code < 0) throw new Error(`no operator ${type}`);
  return [Math.min(code, 127), code];
}
