/** `bitlane formats`: what number formats hold: values, range, precision, error on standard data. */
import {
  type Distribution,
  findFormat,
  type Format,
  formats as namedFormats,
  isMinifloat,
  type Minifloat,
  type Quality,
  qualityOf,
} from "../formats/index.ts";
import { blockFormats } from "../quantization/index.ts";
import { describeBlock, describeBlocks, printBlock, printBlocks } from "./block-formats.ts";
import { type Arguments, type Command, JSON_OPTION, type Terminal, UsageError } from "./command.ts";
import { plotFormat } from "./format-plot.ts";
import { writePlot } from "./svg.ts";
import { textTable } from "./terminal.ts";

/** Formats up to this width are printed value by value. */
const LISTED_BITS = 8;

export interface FormatReport {
  readonly name: string;
  readonly bits: number;
  readonly kind: Format["kind"];
  readonly min: number;
  readonly max: number;
  /** Sign, exponent and mantissa bits, "1-4-3"; the others of a minifloat too. */
  readonly fields?: string;
  readonly bias?: number;
  readonly reserved?: Minifloat["reserved"];
  readonly smallestNormal?: number;
  readonly smallest?: number;
  /** Largest relative error of a normal number, 2^−(mantissa bits + 1). */
  readonly precision?: number;
  /** Number of values, −0 not counted, and of codes that are none. */
  readonly values: number;
  readonly infinities: number;
  readonly nans: number;
  /** Decibels; absent for formats without negative values. */
  readonly sqnr?: Readonly<Record<Distribution, Quality>>;
}

export const formats: Command = {
  name: "formats",
  summary: "Shows number formats: values, range, precision, error on Gaussian and Laplace data.",
  operands: "[NAME]",
  options: [
    { name: "plot", value: "FILE", help: "draws the values of NAME into an .svg or .html file" },
    JSON_OPTION,
  ],
  notes: `Without NAME: all named formats of 16 bits or fewer, and those of blocks (mxfp4). A NAME like minifloat_e3m4b3 is a format of 3 exponent
bits, 4 mantissa bits and bias 3, all codes numbers; the bias may be left out. SQNR is in dB, with the scale of
least error and with the one that maps the largest value to the format's largest, on 20,000 quantiles. Blocks have
scales of their own; --plot draws their elements.`,

  async run(given: Arguments, terminal: Terminal): Promise<number> {
    const [name, ...rest] = given.operands;
    if (rest.length > 0) throw new UsageError(`expected one NAME, got ${given.operands.length}`);
    const plot = given.text("plot");
    if (name === undefined) {
      if (plot !== undefined) throw new UsageError("--plot needs a NAME");
      const reports = listedFormats().map(describeFormat);
      const blocks = describeBlocks();
      terminal.line(
        given.flag("json")
          ? JSON.stringify([...reports, ...blocks])
          : `${printList(reports)}\n\n${printBlocks(blocks)}`,
      );
      return 0;
    }
    const block = blockFormats.get(name);
    if (block !== undefined) {
      if (plot !== undefined) await writePlot(plot, name, plotFormat(block.element));
      const report = describeBlock(block);
      terminal.line(given.flag("json") ? JSON.stringify(report) : printBlock(report));
      return 0;
    }
    const format = findFormat(name);
    if (format === undefined || format.bits > 16) {
      throw new UsageError(`expected the NAME of a format of 16 bits or fewer, got "${name}"`);
    }
    if (plot !== undefined) await writePlot(plot, format.name, plotFormat(format));
    const report = describeFormat(format);
    const document = { ...report, table: valueTable(format) };
    terminal.line(given.flag("json") ? JSON.stringify(document) : printFormat(format, report));
    return 0;
  },
};

/** The named formats of 16 bits or fewer, the widest first. */
export function listedFormats(): Format[] {
  return [...namedFormats.values()]
    .filter(({ bits }) => bits <= 16)
    .sort((a, b) => b.bits - a.bits || a.name.localeCompare(b.name));
}

export function describeFormat(format: Format): FormatReport {
  const decoded = Array.from({ length: 2 ** format.bits }, (_, code) => format.decode(code));
  const finite = new Set(decoded.filter(Number.isFinite));
  const gaussian = qualityOf(format, "gaussian");
  const laplace = qualityOf(format, "laplace");
  const { name, bits, kind, min, max } = format;
  return {
    ...{ name, bits, kind, min, max },
    ...(isMinifloat(format) && minifloatFacts(format)),
    values: finite.size,
    infinities: decoded.filter((value) => Math.abs(value) === Infinity).length,
    nans: decoded.filter(Number.isNaN).length,
    ...(gaussian !== undefined && laplace !== undefined && { sqnr: { gaussian, laplace } }),
  };
}

function minifloatFacts(format: Minifloat) {
  const { signed, exponentBits, mantissaBits, bias, reserved, smallest, smallestNormal } = format;
  return {
    fields: `${signed ? 1 : 0}-${exponentBits}-${mantissaBits}`,
    ...{ bias, reserved, smallestNormal, smallest },
    precision: 2 ** -(mantissaBits + 1),
  };
}

/** Code and value; NaN and infinities as text, which JSON has no numbers for. Empty above 8 bits. */
function valueTable(format: Format): [code: number, value: number | string][] {
  if (format.bits > LISTED_BITS) return [];
  return Array.from({ length: 2 ** format.bits }, (_, code) => {
    const value = format.decode(code);
    return [code, Number.isFinite(value) && !Object.is(value, -0) ? value : describeValue(value)];
  });
}

function describeValue(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

const DISTRIBUTIONS: readonly Distribution[] = ["gaussian", "laplace"];

/** Gaussian and Laplace, "best / absmax". */
function qualityCells({ sqnr }: FormatReport): string[] {
  return DISTRIBUTIONS.map((distribution) => {
    const quality = sqnr?.[distribution];
    return quality === undefined ? "" : `${quality.best.toFixed(1)} / ${quality.absmax.toFixed(1)}`;
  });
}

/** Rows of the table of all formats, as `bitlane formats` and docs/formats.md have it. */
export function formatRow(report: FormatReport): string[] {
  const number = (value: number | undefined) => (value === undefined ? "" : shortNumber(value));
  return [
    report.name,
    String(report.bits),
    report.fields ?? report.kind,
    report.bias === undefined ? "" : String(report.bias),
    number(report.max),
    number(report.smallestNormal),
    number(report.smallest),
    report.nans + report.infinities === 0 ? "" : `${report.nans} NaN, ${report.infinities} inf`,
    ...qualityCells(report),
  ];
}

export const FORMAT_HEAD: readonly string[] = [
  ...[
    "format",
    "bits",
    "fields",
    "bias",
    "largest",
    "smallest normal",
    "smallest",
    "reserved codes",
  ],
  ...["Gaussian dB", "Laplace dB"],
];

/** Powers of two as such; other numbers with at most 6 digits. */
function shortNumber(value: number): string {
  const exponent = Math.round(Math.log2(Math.abs(value)));
  if (value === 2 ** exponent && Math.abs(exponent) > 6) return `2^${exponent}`;
  const text = String(value);
  return text.length <= 8 ? text : value.toPrecision(6);
}

function printList(reports: readonly FormatReport[]): string {
  const align = FORMAT_HEAD.map((_, i) => (i === 0 || i === 7 ? "left" : "right"));
  return textTable(FORMAT_HEAD, reports.map(formatRow), align);
}

function printFormat(format: Format, report: FormatReport): string {
  const { fields, bias, reserved, precision, smallest, smallestNormal, nans, infinities } = report;
  const lines = [
    `format     ${report.name}, ${report.bits} bits, ${report.kind}`,
    fields &&
      `fields     ${fields} (sign, exponent, mantissa), bias ${bias}, reserved codes: ${reserved}`,
    `range      ${report.min} … ${report.max}`,
    smallest && `smallest   ${smallest} (2^${Math.log2(smallest)}), normal from ${smallestNormal}`,
    precision && `precision  ${precision} relative, of normal numbers`,
    `codes      ${report.values} values, ${infinities} infinities, ${nans} NaN`,
    report.sqnr &&
      `SQNR       dB, best scale / absmax: Gaussian ${qualityCells(report).join(", Laplace ")}`,
  ];
  return [...lines.filter((line) => typeof line === "string"), "", printValues(format)].join("\n");
}

/** Up to 8 bits all values, a row for each exponent; above, the first value and the step of each. */
function printValues(format: Format): string {
  if (!isMinifloat(format)) return printCodes(format);
  const span = 2 ** format.mantissaBits;
  const rows: string[][] = [];
  for (let code = 0; code <= format.maxCode; code += span) {
    const count = Math.min(span, format.maxCode + 1 - code);
    const values = Array.from({ length: count }, (_, i) => format.decode(code + i));
    const label = `0x${code.toString(16).padStart(Math.ceil(format.bits / 4), "0")}`;
    const shown = values.map(String);
    const step = values.length > 1 ? values[1]! - values[0]! : 0;
    rows.push(
      format.bits <= LISTED_BITS
        ? [label, ...shown, ...new Array<string>(span - count).fill("")]
        : [label, shown[0]!, shown.at(-1)!, String(step)],
    );
  }
  const columns = Array.from({ length: span }, (_, i) => `+${i}`);
  const head = format.bits <= LISTED_BITS ? ["code", ...columns] : ["code", "from", "to", "step"];
  return textTable(
    head,
    rows,
    head.map((_, i) => (i === 0 ? "left" : "right")),
  );
}

function printCodes(format: Format): string {
  if (format.bits > LISTED_BITS)
    return `codes 0 … ${2 ** format.bits - 1} are the integers in order`;
  const values = valueTable(format).map(([, value]) => String(value));
  const rows: string[] = [];
  for (let i = 0; i < values.length; i += 16) rows.push(values.slice(i, i + 16).join(" "));
  return rows.join("\n");
}
