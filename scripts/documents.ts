/**
 * Writes the parts of README.md and docs/ that follow from the sources: formats, supported operators, and
 * measurements from the results that are kept. A test compares them with what lies here.
 *
 * Usage: node scripts/documents.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format as prettify } from "prettier";
import { formats } from "../src/formats/index.ts";
import { blockTable, integerTable, minifloatTable } from "./format-documents.ts";
import { table } from "./markdown.ts";
import {
  comparedMinifloatsTable,
  comparedTable,
  floatRivalsTable,
  lowBitRivalsTable,
  rivalsTable,
  splitTable,
  threadsTable,
} from "./measured.ts";
import {
  blockAnswersTable,
  minifloatAnswersTable,
  minifloatTimesTable,
} from "./measured-minifloats.ts";
import { operatorTable, weightTable } from "./support.ts";
import { root } from "./wasm.ts";

/** What stands in a generated part, by its name. */
export type Sections = Readonly<Record<string, () => string>>;

const SECTIONS: Sections = {
  operators: operatorTable,
  weights: weightTable,
  formats: formatTable,
  minifloats: minifloatTable,
  integers: integerTable,
  blocks: blockTable,
  rivals: rivalsTable,
  rivals_float: floatRivalsTable,
  rivals_low_bit: lowBitRivalsTable,
  compared: comparedTable,
  compared_minifloats: comparedMinifloatsTable,
  minifloat_answers: minifloatAnswersTable,
  block_answers: blockAnswersTable,
  minifloat_times: minifloatTimesTable,
  split: splitTable,
  threads: threadsTable,
};
const FILES = [
  ...["README.md", "docs/architecture.md", "docs/formats.md"],
  ...["docs/low-bit.md", "docs/minifloat.md", "docs/minifloat-kernels.md", "docs/performance.md"],
];

/** Path from the root and text of every document that has a generated part. */
export async function renderDocuments(): Promise<Map<string, string>> {
  const documents = new Map<string, string>();
  for (const file of FILES) documents.set(file, await renderDocument(file, SECTIONS));
  return documents;
}

/** Text between `<!-- generated: name -->` and `<!-- end -->` is replaced by the section's. */
export async function renderDocument(file: string, sections: Sections): Promise<string> {
  const text = readFileSync(join(root, file), "utf8").replaceAll(
    /(<!-- generated: (\w+) -->)[^]*?(<!-- end -->)/g,
    (_, start: string, name: string, end: string) => {
      const section = sections[name];
      if (section === undefined) throw new Error(`${file}: no generated section "${name}"`);
      return `${start}\n\n${section()}\n\n${end}`;
    },
  );
  return prettify(text, { parser: "markdown", printWidth: 100 });
}

function formatTable(): string {
  const sorted = [...formats.values()].sort(
    (a, b) => b.kind.localeCompare(a.kind) || b.bits - a.bits || a.name.localeCompare(b.name),
  );
  const rows = sorted.map(({ name, bits, kind, min, max }) => [
    name,
    String(bits),
    kind,
    // 64-bit limits are not numbers of JavaScript.
    bits > 53 ? `±2^${bits - 1}` : `${min} … ${max}`,
  ]);
  return table(["format", "bits", "kind", "finite range"], rows);
}

if (import.meta.main) {
  for (const [file, text] of await renderDocuments()) writeFileSync(join(root, file), text);
}
