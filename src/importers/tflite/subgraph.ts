/**
 * One subgraph: its tensors become values (ids are the file's tensor indices), its operators become
 * nodes in an order in which every value is written before it is read.
 */
import { locateError, ModelError, UnsupportedError } from "../../errors.ts";
import { ABSENT, type Node, type Value } from "../../graph/index.ts";
import { allocateTensor, elementCount } from "../../tensor/index.ts";
import { checkLimit, type Limits } from "../limits.ts";
import type { FlatBuffer, Table } from "./flatbuffer.ts";
import { NodeReader } from "./node-reader.ts";
import { ROWS, type Row } from "./operators.ts";
import { type OptionsTable, SUBGRAPH_CALLS } from "./options.ts";
import { topologicalOrder } from "./order.ts";
import { BUILTIN_OPERATORS, OPERATOR, OPERATOR_CODE, SUBGRAPH } from "./schema.ts";
import { readTensor, type TensorRecord } from "./tensors.ts";

/** What every subgraph of a file shares. */
export interface ModelContext {
  readonly file: FlatBuffer;
  readonly limits: Limits;
  readonly buffers: readonly Uint8Array[];
  readonly operatorNames: readonly OperatorName[];
  readonly subgraphCount: number;
}

/** An entry of the model's list of operators. */
export interface OperatorName {
  /** "CONV_2D", or `CUSTOM "name"`. */
  readonly name: string;
}

export interface Subgraph {
  readonly name: string;
  readonly values: readonly Value[];
  /** Complete only if nothing is missing. */
  readonly nodes: readonly Node[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Everything that bitlane lacks, with its place. */
  readonly missing: readonly string[];
  /** Subgraphs that operators of this one run. */
  readonly calls: readonly number[];
}

interface FileNode {
  readonly label: string;
  readonly name: string;
  readonly typeName: string;
  readonly table: Table;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** @throws ModelError unknown builtin codes are no error here: they are reported where they are used */
export function readOperatorNames(codes: readonly Table[]): OperatorName[] {
  return codes.map((code, index) => {
    // Codes below 127 were a byte once; writers fill both fields, old ones only the byte.
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
    if (name !== "CUSTOM") return { name };
    return { name: `CUSTOM ${JSON.stringify(code.string(OPERATOR_CODE.customCode) ?? "")}` };
  });
}

export function readSubgraph(context: ModelContext, table: Table, index: number): Subgraph {
  const { limits } = context;
  checkLimit(limits, "tensors", table.count(SUBGRAPH.tensors, 4));
  checkLimit(limits, "operators", table.count(SUBGRAPH.operators, 4));
  const tensors = table
    .tables(SUBGRAPH.tensors)
    .map((tensor, i) => readTensor(tensor, i, context.buffers, limits));
  const inputs = readIndices(table, SUBGRAPH.inputs, tensors.length, "graph input");
  const outputs = readIndices(table, SUBGRAPH.outputs, tensors.length, "graph output");
  const prefix = index === 0 ? "" : `subgraph ${index}, `;
  const nodes = table
    .tables(SUBGRAPH.operators)
    .map((operator, i) => readNode(context, operator, i, tensors, prefix));

  const producers = findProducers(tensors, inputs, nodes);
  const values = tensors.map((tensor, id) => withEmptyConstant(tensor.value, producers[id]!));
  const order = orderNodes(nodes, producers, values, tensors);
  for (const id of outputs) {
    if (producers[id] === NOBODY && values[id]!.constant === undefined) {
      throw new ModelError(
        `graph output ${tensors[id]!.label}: expected a value, nothing writes it`,
      );
    }
  }

  const missing: string[] = [];
  for (const [what, ids] of [
    ["graph input", inputs],
    ["graph output", outputs],
  ] as const) {
    for (const id of ids) {
      for (const part of tensors[id]!.unsupported) {
        missing.push(`${prefix}${what} ${tensors[id]!.label}: ${part}`);
      }
    }
  }
  const calls: number[] = [];
  const built: Node[] = [];
  for (const i of order) {
    const node = nodes[i]!;
    try {
      calls.push(...readCalls(context, node));
      const made = buildNode(node, tensors, missing);
      if (made !== undefined) built.push(made);
    } catch (error) {
      if (error instanceof UnsupportedError) {
        missing.push(...error.missing.map((part) => `${node.label}: ${part}`));
        continue;
      }
      const where = { format: "tflite", operatorIndex: i, operator: node.typeName };
      throw locateError(error, node.label, where);
    }
  }
  const name = table.string(SUBGRAPH.name) ?? "";
  return { name, values, nodes: built, inputs, outputs, missing, calls };
}

function readNode(
  context: ModelContext,
  table: Table,
  index: number,
  tensors: readonly TensorRecord[],
  prefix: string,
): FileNode {
  const code = table.uint32(OPERATOR.opcodeIndex);
  const typeName = context.operatorNames[code]?.name;
  if (typeName === undefined) {
    throw new ModelError(
      `${prefix}node ${index}: expected an operator code index below ${context.operatorNames.length}, got ${code}`,
    );
  }
  const plainLabel = `${prefix}node ${index} (${typeName})`;
  const inputs = readIndices(
    table,
    OPERATOR.inputs,
    tensors.length,
    `${plainLabel}, input`,
    ABSENT,
  );
  const outputs = readIndices(table, OPERATOR.outputs, tensors.length, `${plainLabel}, output`);
  const first = outputs[0];
  const name = first === undefined ? `node_${index}` : tensors[first]!.value.name;
  const label = `${prefix}node ${index} "${name.slice(0, 80)}" (${typeName})`;
  return { label, name, typeName, table, inputs, outputs };
}

function readIndices(
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

/** Who writes a tensor: a node's index, or one of these. */
const NOBODY = -1;
const CALLER = -2;
const FILE = -3;

/** Every tensor has at most one producer: the file, the caller, or one output of one node. */
function findProducers(
  tensors: readonly TensorRecord[],
  inputs: readonly number[],
  nodes: readonly FileNode[],
): Int32Array {
  const producers = Int32Array.from(tensors, ({ value }) =>
    value.constant === undefined ? NOBODY : FILE,
  );
  const claim = (id: number, producer: number, who: string): void => {
    if (producers[id] !== NOBODY) {
      const other = producers[id]!;
      const owner =
        other === FILE ? "a constant" : other === CALLER ? "a graph input" : nodes[other]!.label;
      throw new ModelError(
        `${who}: expected ${tensors[id]!.label} to have one source, got ${owner} as well`,
      );
    }
    producers[id] = producer;
  };
  inputs.forEach((id, i) => claim(id, CALLER, `graph input ${i}`));
  nodes.forEach((node, i) => node.outputs.forEach((id) => claim(id, i, node.label)));
  return producers;
}

/** A tensor of no elements that nothing writes needs no bytes in the file either. */
function withEmptyConstant(value: Value, producer: number): Value {
  if (producer !== NOBODY || elementCount(value.type.shape) > 0) return value;
  return { ...value, constant: allocateTensor(value.type) };
}

function orderNodes(
  nodes: readonly FileNode[],
  producers: Int32Array,
  values: readonly Value[],
  tensors: readonly TensorRecord[],
): number[] {
  const predecessors = nodes.map((node) => {
    const before: number[] = [];
    for (const id of node.inputs) {
      if (id === ABSENT) continue;
      if (producers[id] === NOBODY && values[id]!.constant === undefined) {
        throw new ModelError(
          `${node.label}: expected input ${tensors[id]!.label} to have a source, nothing writes it`,
        );
      }
      if (producers[id]! >= 0) before.push(producers[id]!);
    }
    return before;
  });
  const result = topologicalOrder(nodes.length, (i) => predecessors[i]!);
  if ("cycle" in result) {
    const { label } = nodes[result.cycle]!;
    throw new ModelError(
      `${label}: expected inputs that do not depend on its own output, got a cycle`,
    );
  }
  return result.order;
}

/** `undefined` if something is missing, which is then listed. */
function buildNode(
  node: FileNode,
  tensors: readonly TensorRecord[],
  missing: string[],
): Node | undefined {
  const operands = node.inputs.map((id) => (id === ABSENT ? undefined : tensors[id]!));
  const results = node.outputs.map((id) => tensors[id]!);
  const row = ROWS.get(node.typeName);
  let complete = true;
  const report = (part: string): void => {
    missing.push(`${node.label}${part === "" ? "" : `: ${part}`}`);
    complete = false;
  };
  if (row === undefined) report("");
  else checkOperands(row, operands, results);
  if (node.table.count(OPERATOR.mutatingVariableInputs, 1) > 0 && changesInputs(node.table)) {
    report("inputs that it changes");
  }
  for (const record of [...operands, ...results]) {
    for (const part of record?.unsupported ?? []) report(`${record!.label}: ${part}`);
  }
  if (row === undefined || !complete) return undefined;

  const reader = new NodeReader(operands, results, readOptions(node.table, row), row.options);
  const made = row.build(reader);
  return {
    name: node.name,
    operator: made.operator,
    attributes: made.attributes,
    inputs: made.inputs.map((position) => node.inputs[position]!),
    outputs: node.outputs,
  };
}

function changesInputs(table: Table): boolean {
  return (table.bytes(OPERATOR.mutatingVariableInputs) ?? []).some((flag) => flag !== 0);
}

function checkOperands(
  row: Row,
  operands: readonly (TensorRecord | undefined)[],
  results: readonly TensorRecord[],
): void {
  for (const [what, count, [least, most]] of [
    ["inputs", operands.length, row.inputs],
    ["outputs", results.length, row.outputs],
  ] as const) {
    if (count < least || count > most) {
      const range = least === most ? `${least}` : `${least} to ${most}`;
      throw new ModelError(`expected ${range} ${what}, got ${count}`);
    }
  }
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

/** The options table of a row, checked to be of its kind and to hold no field that is newer. */
function readOptions(table: Table, row: Row): Table | undefined {
  const code = table.uint8(OPERATOR.optionsType);
  const options = table.table(OPERATOR.options);
  const expected = row.options?.name ?? "no options";
  if (table.uint8(OPERATOR.options2Type) !== 0) {
    throw new ModelError(`expected ${expected}, got options of the second union`);
  }
  if ((code === 0) !== (options === undefined)) {
    throw new ModelError(
      `expected a type of options exactly if there are options, got type ${code}`,
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

/** Subgraphs that a control-flow operator runs. */
function readCalls(context: ModelContext, node: FileNode): number[] {
  const call = SUBGRAPH_CALLS.get(node.typeName);
  if (call === undefined) return [];
  const options = node.table.table(OPERATOR.options);
  if (options === undefined || node.table.uint8(OPERATOR.optionsType) !== call.code) {
    throw new ModelError(`expected ${call.name}, got none or others`);
  }
  return call.fields.map((name, field) => {
    const target = options.int32(field);
    if (target < 0 || target >= context.subgraphCount) {
      throw new ModelError(
        `${name}: expected a subgraph index below ${context.subgraphCount}, got ${target}`,
      );
    }
    return target;
  });
}
