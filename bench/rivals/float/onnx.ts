/**
 * The float32 network that an ONNX Q/DQ file stands for: constants dequantized, QuantizeLinear and
 * DequantizeLinear gone, the rest of the file as it is. Where the lowest code stands for 0, quantizing
 * is also the layer's ReLU: there a Relu takes its place (an upper bound, as of ReLU6, is not kept).
 */
import {
  allFields,
  concatBytes,
  type Field,
  firstField,
  mapFields,
  readFields,
  readText,
  writeBytes,
  writeText,
  writeVarint,
} from "./protobuf.ts";

/** Field numbers of onnx.proto. */
const MODEL = { graph: 7 };
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, operator: 4, attribute: 5 };
const ATTRIBUTE = { name: 1, integer: 3 };
const TENSOR = { dims: 1, dataType: 2, name: 8, rawData: 9 };
const VALUE_INFO = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR_TYPE = { elementType: 1 };

/** TensorProto.DataType, with the lowest code of the types that are quantized. */
const FLOAT = 1;
const DATA_TYPES: Readonly<
  Record<number, { read(bytes: ArrayBuffer): ArrayLike<number>; lowest?: number }>
> = {
  1: { read: (bytes) => new Float32Array(bytes) },
  2: { read: (bytes) => new Uint8Array(bytes), lowest: 0 },
  3: { read: (bytes) => new Int8Array(bytes), lowest: -128 },
  6: { read: (bytes) => new Int32Array(bytes) },
};
/** Operators whose result may be cut by a ReLU. */
const ACTIVATED = ["Conv", "Add"];

interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly axis: number;
  readonly whole: Uint8Array;
}

interface Constant {
  readonly dims: readonly number[];
  readonly values: ArrayLike<number>;
  readonly lowest: number | undefined;
}

/** @throws Error for tensors that are not stored as raw float32, int32, int8 or uint8 */
export function floatOnnx(model: Uint8Array): Uint8Array {
  return mapFields(model, MODEL.graph, ({ payload }) =>
    writeBytes(MODEL.graph, floatGraph(payload)),
  );
}

function floatGraph(graph: Uint8Array): Uint8Array {
  const constants = new Map(
    allFields(graph, GRAPH.initializer).map(({ payload }) => [
      readText(firstField(payload, TENSOR.name)),
      payload,
    ]),
  );
  const nodes = allFields(graph, GRAPH.node).map(readNode);
  const producers = new Map(nodes.map(({ output, operator }) => [output, operator]));
  /** What a value is called that only a Q or DQ tells apart from another. */
  const names = new Map<string, string>();
  const nameOf = (value: string): string => names.get(value) ?? value;
  const parts: Uint8Array[] = [];
  for (const { operator, inputs, output, axis, whole } of nodes) {
    const [value, scale, zeroPoint] = inputs as [string, string, string?];
    const codes = constants.get(value);
    if (operator === "DequantizeLinear" && codes !== undefined) {
      const zero = zeroPoint === undefined ? undefined : readTensor(constants.get(zeroPoint)!);
      const reals = dequantize(readTensor(codes), readTensor(constants.get(scale)!), zero, axis);
      parts.push(writeTensor(output, codes, reals));
    } else if (operator === "QuantizeLinear" && isRelu(value, zeroPoint)) {
      parts.push(writeNode("Relu", nameOf(value), output));
    } else if (operator === "QuantizeLinear" || operator === "DequantizeLinear") {
      names.set(output, nameOf(value));
    } else {
      parts.push(writeBytes(GRAPH.node, renameInputs(whole, nameOf)));
    }
  }
  const used = new Set(
    nodes.filter(({ operator }) => !operator.endsWith("eLinear")).flatMap((n) => n.inputs),
  );
  for (const [name, payload] of constants) {
    if (used.has(name)) parts.push(writeBytes(GRAPH.initializer, payload));
  }
  for (const field of readFields(graph)) {
    if (field.number === GRAPH.input) parts.push(writeBytes(field.number, asFloat(field.payload)));
    else if (field.number === GRAPH.output) {
      const rename = (name: Field): Uint8Array =>
        writeText(VALUE_INFO.name, nameOf(readText(name)));
      parts.push(writeBytes(field.number, mapFields(field.payload, VALUE_INFO.name, rename)));
    } else if (field.number !== GRAPH.node && field.number !== GRAPH.initializer) {
      parts.push(field.whole);
    }
  }
  return concatBytes(parts);

  function isRelu(value: string, zeroPoint: string | undefined): boolean {
    if (zeroPoint === undefined || !ACTIVATED.includes(producers.get(value) ?? "")) return false;
    const { values, lowest } = readTensor(constants.get(zeroPoint)!);
    return values[0] === lowest;
  }
}

function readNode({ payload }: Field): Node {
  const axis = allFields(payload, NODE.attribute).find(
    (attribute) => readText(firstField(attribute.payload, ATTRIBUTE.name)) === "axis",
  );
  return {
    operator: readText(firstField(payload, NODE.operator)),
    inputs: allFields(payload, NODE.input).map(readText),
    output: readText(firstField(payload, NODE.output)),
    axis: axis === undefined ? 1 : (allFields(axis.payload, ATTRIBUTE.integer)[0]?.value ?? 0),
    whole: payload,
  };
}

function readTensor(tensor: Uint8Array): Constant {
  const type = DATA_TYPES[firstField(tensor, TENSOR.dataType).value];
  if (type === undefined) throw new Error("expected float32, int32, int8 or uint8");
  const { buffer } = firstField(tensor, TENSOR.rawData).payload.slice();
  const dims = allFields(tensor, TENSOR.dims).map(({ value }) => value);
  return { dims, values: type.read(buffer as ArrayBuffer), lowest: type.lowest };
}

function dequantize(
  codes: Constant,
  { values: scale }: Constant,
  zero: Constant | undefined,
  axis: number,
): Float32Array {
  const inner = codes.dims.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  return Float32Array.from(codes.values, (code, i) => {
    const channel = scale.length === 1 ? 0 : Math.floor(i / inner) % scale.length;
    return (code - (zero?.values[channel] ?? 0)) * scale[channel]!;
  });
}

/** An initializer with the shape of `like`. */
function writeTensor(name: string, like: Uint8Array, data: Float32Array): Uint8Array {
  const dims = allFields(like, TENSOR.dims).map(({ whole }) => whole);
  return writeBytes(
    GRAPH.initializer,
    concatBytes([
      ...dims,
      writeVarint(TENSOR.dataType, FLOAT),
      writeText(TENSOR.name, name),
      writeBytes(TENSOR.rawData, new Uint8Array(data.buffer)),
    ]),
  );
}

function writeNode(operator: string, input: string, output: string): Uint8Array {
  const fields = [
    writeText(NODE.input, input),
    writeText(NODE.output, output),
    writeText(NODE.operator, operator),
  ];
  return writeBytes(GRAPH.node, concatBytes(fields));
}

function renameInputs(node: Uint8Array, nameOf: (value: string) => string): Uint8Array {
  return mapFields(node, NODE.input, (field) => writeText(NODE.input, nameOf(readText(field))));
}

/** A graph input of float32. */
function asFloat(valueInfo: Uint8Array): Uint8Array {
  return mapFields(valueInfo, VALUE_INFO.type, (type) =>
    writeBytes(
      VALUE_INFO.type,
      mapFields(type.payload, TYPE.tensor, (tensor) =>
        writeBytes(
          TYPE.tensor,
          mapFields(tensor.payload, TENSOR_TYPE.elementType, () =>
            writeVarint(TENSOR_TYPE.elementType, FLOAT),
          ),
        ),
      ),
    ),
  );
}
