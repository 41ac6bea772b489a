/** Operators of a subgraph: their lists and options are checked, their row makes the node. */
import { ModelError, UnsupportedError } from "../../errors.ts";
import { ABSENT, type Node } from "../../graph/index.ts";
import type { Table } from "./flatbuffer.ts";
import type { Missing } from "./missing.ts";
import { quoted } from "./names.ts";
import { NodeReader } from "./node-reader.ts";
import { ROWS } from "./operators.ts";
import { type OptionsTable, SUBGRAPH_CALLS } from "./options.ts";
import type { Row } from "./row.ts";
import { BUILTIN_OPERATORS, OPERATOR, OPERATOR_CODE } from "./schema.ts";
import type { TensorRecord } from "./tensors.ts";

/** An operator as the file lists it. */
export interface FileNode {
  /** `node 3 "name" (CONV_2D)`: its place in messages. */
  readonly label: string;
  /** The name of its first output: operators have none of their own. */
  readonly name: string;
  /** The schema's name, or `CUSTOM "name"`. */
  readonly typeName: string;
  readonly table: Table;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** The names of the model's list of operators. Unknown codes are reported where they are used. */
export function readOperatorNames(codes: readonly Table[]): string[] {
  return codes.map((code, index) => {
    // Codes were one byte once. Old files fill only the byte, newer ones both fields, and codes past
    // the byte leave 127 in it.
    const builtin = Math.max(
      code.int8(OPERATOR_CODE.deprecatedBuiltinCode),
      code.int32(OPERATOR_CODE.builtinCode),
    );
    const version = code.int32(OPERATOR_CODE.version, 1);
    if (version < 1) {
      throw new ModelError(
        `operator code ${index}: expected a version of at least 1, got ${version}`,
      );
    }
    const name = BUILTIN_OPERATORS[builtin] ?? `builtin operator ${builtin}`;
    if (name !== "CUSTOM") return name;
    return `CUSTOM ${quoted(code.string(OPERATOR_CODE.customCode) ?? "")}`;
  });
}

/** @param prefix the subgraph, unless it is the main one */
export function readNode(
  table: Table,
  index: number,
  operatorNames: readonly string[],
  tensors: readonly TensorRecord[],
  prefix: string,
): FileNode {
  const code = table.uint32(OPERATOR.opcodeIndex);
  const typeName = operatorNames[code];
  if (typeName === undefined) {
    throw new ModelError(
      `${prefix}node ${index}: expected an operator code index below ${operatorNames.length}, got ${code}`,
    );
  }
  const place = `${prefix}node ${index} (${typeName})`;
  const inputs = readIndices(table, OPERATOR.inputs, tensors.length, `${place}, input`, ABSENT);
  const outputs = readIndices(table, OPERATOR.outputs, tensors.length, `${place}, output`);
  const first = outputs[0];
  const name = first === undefined ? `node_${index}` : tensors[first]!.value.name;
  const label = `${prefix}node ${index} "${name.slice(0, 80)}" (${typeName})`;
  return { label, name, typeName, table, inputs, outputs };
}

/** A vector of tensor indices from `least` to `count` − 1. */
export function readIndices(
  table: Table,
  field: number,
  count: number,
  what: string,
  least = 0,
): number[] {
  const indices = table.int32s(field) ?? [];
  indices.forEach((index, i) => {
    if (index < least || index >= count) {
      throw new ModelError(
        `${what} ${i}: expected a tensor index from ${least} to ${count - 1}, got ${index}`,
      );
    }
  });
  return indices;
}

/** `undefined` if something is missing, which is then listed. */
export function buildNode(
  node: FileNode,
  tensors: readonly TensorRecord[],
  missing: Missing,
): Node | undefined {
  const operands = node.inputs.map((id) => (id === ABSENT ? undefined : tensors[id]!));
  const results = node.outputs.map((id) => tensors[id]!);
  const row = ROWS.get(node.typeName);
  let usable = row !== undefined;
  if (row === undefined) missing.add(node.label);
  else checkOperands(row, operands, results);
  if (node.table.bytes(OPERATOR.mutatingVariableInputs)?.some((flag) => flag !== 0)) {
    missing.add(node.label, "inputs that it changes");
    usable = false;
  }
  for (const record of [...operands, ...results]) {
    if (record !== undefined && !missing.addTensor(node.label, record)) usable = false;
  }
  if (row === undefined || !usable) return undefined;

  const options = readOptions(node.table, row);
  const made = row.build(new NodeReader(operands, results, options, row.options));
  return {
    name: node.name,
    operator: made.operator,
    attributes: made.attributes,
    inputs: made.inputs.map((position) => node.inputs[position]!),
    outputs: node.outputs,
  };
}

function checkOperands(
  row: Row,
  operands: readonly (TensorRecord | undefined)[],
  results: readonly TensorRecord[],
): void {
  checkCount("inputs", operands.length, row.inputs);
  checkCount("outputs", results.length, row.outputs);
  operands.forEach((operand, i) => {
    if (operand === undefined && i < row.optionalFrom) {
      throw new ModelError(`input ${i}: expected a tensor, got none (-1)`);
    }
    if (operand?.isOpaque && !row.takesOpaque) {
      throw new ModelError(
        `input ${i}: expected numbers, got a tensor of type ${operand.typeName}`,
      );
    }
  });
}

function checkCount(what: string, count: number, [least, most]: readonly [number, number]): void {
  if (count >= least && count <= most) return;
  const range =
    least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  throw new ModelError(`expected ${range} ${what}, got ${count}`);
}

/** The options of a row: of its kind, and without fields that are newer than this importer. */
function readOptions(table: Table, row: Row): Table | undefined {
  const code = table.uint8(OPERATOR.optionsType);
  const options = table.table(OPERATOR.options);
  const expected = row.options?.name ?? "no options";
  if (table.uint8(OPERATOR.options2Type) !== 0) {
    throw new ModelError(`expected ${expected}, got options of the second union`);
  }
  if ((code === 0) !== (options === undefined)) {
    throw new ModelError(
      `expected options exactly if they have a type, got type ${code} and ${options ? "some" : "none"}`,
    );
  }
  if (options === undefined) {
    if (row.needsOptions) throw new ModelError(`expected ${expected}, got no options`);
    return undefined;
  }
  if (code !== row.options?.code) {
    throw new ModelError(`expected ${expected}, got options of type ${code}`);
  }
  checkKnownFields(options, row.options);
  return options;
}

function checkKnownFields(options: Table, { name, fields }: OptionsTable): void {
  for (let field = fields.length; field < options.fieldCount; field++) {
    if (options.has(field)) {
      throw new UnsupportedError(`field ${field} of ${name}, which is newer than this importer`);
    }
  }
}

/** Subgraphs that a control-flow operator runs; none for other operators. */
export function readCalls(node: FileNode, subgraphCount: number): number[] {
  const call = SUBGRAPH_CALLS.get(node.typeName);
  if (call === undefined) return [];
  const options = node.table.table(OPERATOR.options);
  if (options === undefined || node.table.uint8(OPERATOR.optionsType) !== call.code) {
    throw new ModelError(`expected ${call.name}, got none or others`);
  }
  return call.fields.map((name, field) => {
    const target = options.int32(field);
    if (target < 0 || target >= subgraphCount) {
      throw new ModelError(
        `${name}: expected a subgraph index below ${subgraphCount}, got ${target}`,
      );
    }
    return target;
  });
}
