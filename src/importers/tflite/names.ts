/**
 * Names that a caller uses for inputs and outputs, and the free text of the file.
 *
 * The file's signature gives the public names; without one they are the tensors' names. A name that
 * is empty, no UTF-8 or taken already becomes `input_<i>` or `output_<i>`.
 */
import { ModelError } from "../../errors.ts";
import type { Graph } from "../../graph/index.ts";
import { decodeUtf8, type FlatBuffer, type Table } from "./flatbuffer.ts";
import { METADATA, MODEL, SIGNATURE, TENSOR_MAP } from "./schema.ts";

/** What names are given to: values, and the ids of inputs and outputs. */
type NamedParts = Pick<Graph, "values" | "inputs" | "outputs">;

export interface PublicNames {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}

/** @throws ModelError a signature that names a subgraph or tensor that does not exist, or one name twice */
export function readNames(model: Table, graph: NamedParts): PublicNames & { signature?: string } {
  const signature = model.tables(MODEL.signatureDefs)[0];
  if (signature === undefined) {
    return {
      inputNames: choose(graph.inputs, new Map(), graph, "input"),
      outputNames: choose(graph.outputs, new Map(), graph, "output"),
    };
  }
  const subgraph = signature.uint32(SIGNATURE.subgraphIndex);
  if (subgraph !== 0) throw new ModelError(`signature: expected subgraph 0, got ${subgraph}`);
  const inputs = readMap(signature, SIGNATURE.inputs, graph);
  const outputs = readMap(signature, SIGNATURE.outputs, graph);
  return {
    inputNames: choose(graph.inputs, inputs, graph, "input"),
    outputNames: choose(graph.outputs, outputs, graph, "output"),
    signature: signature.string(SIGNATURE.key) ?? "",
  };
}

/** Names by tensor index. A tensor may have several; they serve its positions in turn. */
function readMap(signature: Table, field: number, graph: NamedParts): Map<number, string[]> {
  const names = new Map<number, string[]>();
  const seen = new Set<string>();
  for (const entry of signature.tables(field)) {
    const index = entry.uint32(TENSOR_MAP.tensorIndex);
    const name = entry.string(TENSOR_MAP.name) ?? "";
    if (index >= graph.values.length) {
      throw new ModelError(
        `signature name ${quoted(name)}: expected a tensor index below ${graph.values.length}, got ${index}`,
      );
    }
    if (seen.has(name)) {
      throw new ModelError(`signature: expected names that differ, got ${quoted(name)} twice`);
    }
    seen.add(name);
    names.set(index, [...(names.get(index) ?? []), name]);
  }
  return names;
}

function choose(
  ids: readonly number[],
  signature: ReadonlyMap<number, readonly string[]>,
  graph: NamedParts,
  kind: string,
): string[] {
  const used = new Set<string>();
  const turns = new Map<number, number>();
  return ids.map((id, i) => {
    const turn = turns.get(id) ?? 0;
    turns.set(id, turn + 1);
    let name = signature.get(id)?.[turn] ?? graph.values[id]!.name;
    if (name === "" || used.has(name)) name = `${kind}_${i}`;
    while (used.has(name)) name += "_";
    used.add(name);
    return name;
  });
}

/** A name of the file in a message. */
export function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}

/** Longest metadata that is shown as text. */
const MAX_TEXT_BYTES = 4096;

/** Description, signature and metadata of the file; metadata that is no text becomes its size. */
export function readMetadata(
  file: FlatBuffer,
  model: Table,
  buffers: readonly Uint8Array[],
  signature: string | undefined,
): Map<string, string> {
  const metadata = new Map<string, string>();
  const description = model.string(MODEL.description);
  if (description) metadata.set("description", description);
  if (signature !== undefined) metadata.set("signature", signature);
  for (const entry of model.tables(MODEL.metadata)) {
    const name = entry.string(METADATA.name) ?? "";
    const index = entry.uint32(METADATA.buffer);
    const data = buffers[index];
    if (data === undefined) {
      throw new ModelError(
        `metadata ${quoted(name)}: expected a buffer index below ${buffers.length}, got ${index}`,
      );
    }
    metadata.set(`metadata.${name}`, asText(file, data) ?? `(${data.length} bytes)`);
  }
  return metadata;
}

/** Text without control characters; zeros at its end are padding. */
function asText(file: FlatBuffer, data: Uint8Array): string | undefined {
  if (data.length > MAX_TEXT_BYTES) return undefined;
  file.countName(data.length);
  const text = decodeUtf8(data)?.replace(/\0+$/, "");
  return text === undefined || /[\0-\x08\x0e-\x1f\x7f]/.test(text) ? undefined : text;
}
