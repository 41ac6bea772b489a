/**
 * The kernel table against the compiled modules and the kernels' sources: exports in both directions,
 * parameter blocks field by field, size and shape of the release modules.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type Mode, moduleNames, modes, wasmFile } from "../scripts/wasm.ts";
import { kernelTable, type ModuleName, moduleOf } from "../src/kernels/index.ts";
import { withSharedMemory } from "../src/wasm/index.ts";

const compilations = modes.flatMap((mode) => moduleNames().map((name) => ({ mode, name })));

const root = fileURLToPath(new URL("..", import.meta.url));

/** Budget of one release module, gzip. */
const MODULE_BYTES = 15_000;

function readWasm(mode: Mode, name: ModuleName): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(wasmFile(mode, name)));
}

it("every row of the kernel table stands in a module that is compiled, and no module is empty", () => {
  const modules = new Set([...kernelTable.values()].map(moduleOf));
  expect([...modules].sort()).toEqual(moduleNames());
});

describe.each(compilations)("the $mode module $name", ({ mode, name }) => {
  const bytes = readWasm(mode, name);
  const module = new WebAssembly.Module(bytes);

  it("exports its rows of the kernel table, and nothing else", () => {
    const rows = [...kernelTable.values()].filter((row) => moduleOf(row) === name);
    const functions = WebAssembly.Module.exports(module).filter(({ kind }) => kind === "function");
    expect(functions.map((entry) => entry.name).sort()).toEqual(rows.map((row) => row.name).sort());
  });

  it("runs on a memory that threads share as on one of its own", () => {
    const shared = { initial: 1, maximum: 1, shared: true };
    const sharing = new WebAssembly.Module(withSharedMemory(bytes));
    expect(WebAssembly.Module.exports(sharing)).toEqual(WebAssembly.Module.exports(module));
    const instantiate = (code: WebAssembly.Module, memory: WebAssembly.MemoryDescriptor) => () =>
      new WebAssembly.Instance(code, { env: { memory: new WebAssembly.Memory(memory) } });
    expect(instantiate(sharing, shared)).not.toThrow();
    expect(instantiate(sharing, { initial: 1, maximum: 1 })).toThrow(WebAssembly.LinkError);
    expect(instantiate(module, shared)).toThrow(WebAssembly.LinkError);
    expect(instantiate(module, { initial: 1, maximum: 1 })).not.toThrow();
  });

  it("imports its memory and nothing else", () => {
    expect(WebAssembly.Module.imports(module)).toEqual([
      { module: "env", name: "memory", kind: "memory" },
    ]);
  });
});

describe.each(moduleNames())("the release module %s", (name) => {
  it("has no static data: an instance writes nothing into a shared memory", () => {
    expect(sectionIds(readWasm("release", name))).not.toContain(DATA_SECTION);
  });

  it(`is at most ${MODULE_BYTES} bytes compressed`, () => {
    const bytes = readWasm("release", name);
    expect(gzipSync(bytes, { level: 9 }).length).toBeLessThanOrEqual(MODULE_BYTES);
    expect(brotliCompressSync(bytes).length).toBeLessThanOrEqual(MODULE_BYTES);
  });
});

const DATA_SECTION = 11;

/** Ids of the sections of a module: 8 bytes of header, then id, LEB128 size, content. */
function sectionIds(bytes: Uint8Array): number[] {
  const ids: number[] = [];
  for (let offset = 8; offset < bytes.length;) {
    ids.push(bytes[offset++]!);
    let size = 0;
    let shift = 0;
    let byte: number;
    do {
      byte = bytes[offset++]!;
      size += (byte & 0x7f) * 2 ** shift;
      shift += 7;
    } while (byte & 0x80);
    offset += size;
  }
  return ids;
}

describe("parameter blocks", () => {
  const sources = readdirSync(join(root, "assembly"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(join(root, "assembly", file), "utf8"))
    .map((text) => text.replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, ""));
  const functions = new Map(sources.flatMap(functionBodies));
  // One function under several names.
  for (const [, name, alias] of sources.flatMap((text) => [...text.matchAll(/(\w+) as (\w+)/g)])) {
    functions.set(alias!, functions.get(name!)!);
  }
  const blocks = new Map(sources.flatMap(classBlocks));

  it.each([...kernelTable.values()])("of $name has the fields of its row, in order", (kernel) => {
    const block = parameterClass(kernel.name, functions);
    expect(block, "a function with changetype<XParameters>(parameters)").toBeDefined();
    const fields = fieldsOf(block!, blocks);
    expect(fields, `class ${block}`).toBeDefined();
    expect(fields!.map(({ name }) => name)).toEqual(kernel.parameters);
    const wide = fields!.filter(({ type }) => !/^(usize|isize|i32|u32|f32)$/.test(type));
    expect(wide, "fields that are not 4 bytes").toEqual([]);
  });
});

/** Name and body of every function declared at the top level of a source. */
function functionBodies(text: string): [name: string, body: string][] {
  return [...text.matchAll(/^(?:export )?function (\w+)[^]*?^\}/gm)].map((match) => [
    match[1]!,
    match[0],
  ]);
}

interface Field {
  readonly name: string;
  readonly type: string;
}

interface Block {
  readonly parent: string | undefined;
  readonly fields: readonly Field[];
}

function classBlocks(text: string): [name: string, block: Block][] {
  const declaration = /^(?:export )?class (\w+)(?: extends (\w+))? \{([^]*?)^\}/gm;
  return [...text.matchAll(declaration)].map(([, name, parent, body]) => [
    name!,
    {
      parent,
      fields: [...body!.matchAll(/^  (\w+): (\w+);/gm)].map((field) => ({
        name: field[1]!,
        type: field[2]!,
      })),
    },
  ]);
}

/** Fields of a class in memory order: those of its parents come first. */
function fieldsOf(name: string, blocks: ReadonlyMap<string, Block>): readonly Field[] | undefined {
  const block = blocks.get(name);
  if (block?.parent === undefined) return block?.fields;
  const inherited = fieldsOf(block.parent, blocks);
  return inherited && [...inherited, ...block.fields];
}

/** The class that an export lays over its block: in its own body or in a function it hands the block to. */
function parameterClass(name: string, functions: ReadonlyMap<string, string>): string | undefined {
  const body = functions.get(name);
  if (body === undefined) return undefined;
  const direct = /changetype<(\w+)>\(parameters\)/.exec(body);
  if (direct !== null) return direct[1];
  for (const [, callee] of body
    .slice(body.indexOf("{"))
    .matchAll(/(\w+)(?:<[^(]*>)?\(\s*parameters\b/g)) {
    const found = callee === name ? undefined : parameterClass(callee!, functions);
    if (found !== undefined) return found;
  }
  return undefined;
}
