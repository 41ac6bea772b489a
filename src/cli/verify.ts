/** `bitlane verify`: the cases of a golden index, compared with the recorded outputs. */
import { readFile } from "node:fs/promises";
import { BitlaneError, InputError } from "../errors.ts";
import { interpret } from "../graph/index.ts";
import {
  load,
  type Model,
  type RequantizeOptions,
  type TensorInfo,
  type TypedArray,
} from "../model/index.ts";
import type { Rounding } from "../quantization/index.ts";
import type { TensorData } from "../tensor/index.ts";
import {
  type Arguments,
  type Command,
  fileError,
  JSON_OPTION,
  NO_DETERMINISTIC_OPTION,
  REVECTORIZE_OPTION,
  ROUNDING_OPTION,
  type Terminal,
  THREADS_OPTION,
  UsageError,
} from "./command.ts";
import { type CodeDifference, compareTensors, type FloatDifference } from "./difference.ts";
import { type GoldenCase, type GoldenTensor, readGolden } from "./golden.ts";
import { isRequantized, readRequantization, REQUANTIZE_OPTIONS } from "./requantization.ts";
import { codesFromBytes } from "./tensor-file.ts";

type VerifyOptions = RequantizeOptions & {
  readonly rounding: Rounding;
  readonly threads: number;
  readonly revectorize?: boolean;
  readonly deterministic?: boolean;
};

/** Float outputs may differ by this much, relative to the largest output. */
const MAX_RELATIVE = 1e-5;

export interface CaseReport {
  readonly name: string;
  readonly outputs: readonly (CodeDifference | FloatDifference)[];
  /** Why the case has no outputs. */
  readonly error?: string;
}

export interface VerifyReport {
  readonly cases: readonly CaseReport[];
  /** Sums over the integer outputs. */
  readonly codes: number;
  readonly different: number;
}

export const verify: Command = {
  name: "verify",
  summary: "Runs the cases of a golden index and compares the outputs with the recorded ones.",
  operands: "--golden INDEX.json",
  options: [
    { name: "golden", value: "INDEX.json", help: "index of operator cases or of networks" },
    { name: "models", value: "DIR", help: "folder of the models that the index names" },
    ROUNDING_OPTION,
    NO_DETERMINISTIC_OPTION,
    ...REQUANTIZE_OPTIONS,
    { name: "only", value: "NAME", multiple: true, help: "a case, or all cases of a model" },
    { name: "max-lsb", value: "N", help: "largest allowed difference of a code (default 0)" },
    {
      name: "max-relative",
      value: "X",
      help: `the same of float outputs, over the largest (default ${MAX_RELATIVE})`,
    },
    THREADS_OPTION,
    REVECTORIZE_OPTION,
    JSON_OPTION,
  ],
  notes: `Under fp32 the outputs are compared with the index's "xnnpack" files (TFLite's default CPU path), under
tflite-reference with its "reference" files. DIR defaults to the index's folder for operator cases, to
../../models from there for networks. A network that is re-quantized (--weights, --activations) has no recorded
outputs: its kernels are compared with its own plain TypeScript reference, which is slow. --threads defaults to 1. Exit code 1: a difference is past its limit,
or a case did not run.`,

  async run(given: Arguments, terminal: Terminal): Promise<number> {
    const golden = given.text("golden");
    if (golden === undefined) throw new UsageError("expected --golden INDEX.json, got none");
    if (given.operands.length > 0) throw new UsageError(`unexpected "${given.operands[0]}"`);
    const rounding = given.choice("rounding", ["fp32", "tflite-reference"]) ?? "fp32";
    const maxLsb = given.integer("max-lsb", 0, 2 ** 32) ?? 0;
    const maxRelative = given.number("max-relative") ?? MAX_RELATIVE;
    const threads = given.integer("threads", 1, 64) ?? 1;
    const revectorize = given.flag("revectorize");
    const deterministic = !given.flag("no-deterministic");
    const options = { ...readRequantization(given), rounding, threads, revectorize, deterministic };

    const all = await readGolden(golden, rounding, given.text("models"));
    const cases = selectCases(all, given.list("only"));
    const skipped = cases.filter(({ outputs }) => outputs.length === 0);
    for (const { name } of skipped) {
      terminal.remark(`${name}: skipped, the index has no output under ${rounding}`);
    }
    const reports: CaseReport[] = [];
    const isWithin = (report: CaseReport) =>
      report.error === undefined &&
      report.outputs.every((output) =>
        "codes" in output ? output.maxLsb <= maxLsb : output.maxRelative <= maxRelative,
      );
    const runnable = cases.filter(({ outputs }) => outputs.length > 0);
    for await (const report of runCases(runnable, options)) {
      reports.push(report);
      if (!given.flag("json")) terminal.line(printCase(report, isWithin(report)));
      terminal.progress(`${reports.length} of ${runnable.length} cases`);
    }
    terminal.progress(undefined);

    const failed = reports.filter((report) => !isWithin(report)).length;
    const result: VerifyReport = { cases: reports, ...sumCodes(reports) };
    const { codes, different } = result;
    terminal.line(
      given.flag("json")
        ? JSON.stringify(result)
        : `${reports.length} cases under ${rounding}, ${failed} past the limits, ${skipped.length} skipped; ` +
            `${codes} codes, ${different} different`,
    );
    return failed > 0 ? 1 : 0;
  },
};

/**
 * A name selects the case itself and the cases that continue it with "." or "#"; the folder of a
 * model may be left out. @throws UsageError where nothing has the name
 */
export function selectCases(cases: readonly GoldenCase[], only: readonly string[]): GoldenCase[] {
  const has = (text: string, name: string) =>
    text === name || text.startsWith(`${name}.`) || text.startsWith(`${name}#`);
  const matches = ({ name }: GoldenCase, wanted: string) =>
    has(name, wanted) || has(name.slice(name.lastIndexOf("/") + 1), wanted);
  for (const wanted of only) {
    if (cases.some((entry) => matches(entry, wanted))) continue;
    throw new UsageError(`--only: expected a case of the index, got "${wanted}"`);
  }
  return cases.filter((entry) => only.length === 0 || only.some((name) => matches(entry, name)));
}

/** Cases in order; a model stays loaded while its cases follow each other. */
export async function* runCases(
  cases: readonly GoldenCase[],
  options: VerifyOptions,
): AsyncGenerator<CaseReport> {
  let loaded: { readonly file: string; readonly model: Model } | undefined;
  try {
    for (const entry of cases) {
      let report: CaseReport;
      try {
        if (loaded?.file !== entry.model) {
          await loaded?.model.dispose();
          loaded = undefined;
          loaded = { file: entry.model, model: await load(entry.model, options) };
        }
        report = { name: entry.name, outputs: await runCase(entry, loaded.model, options) };
      } catch (error) {
        report = { name: entry.name, outputs: [], error: describeError(error) };
      }
      yield report;
    }
  } finally {
    await loaded?.model.dispose();
  }
}

async function runCase(
  { inputs, outputs }: GoldenCase,
  model: Model,
  options: VerifyOptions,
): Promise<(CodeDifference | FloatDifference)[]> {
  const inputNames = matchNames(inputs, model.inputs);
  const feeds: Record<string, TypedArray> = {};
  for (const [i, tensor] of inputs.entries()) feeds[inputNames[i]!] = await readTensor(tensor);
  const results = await model.run(feeds);
  if (isRequantized(options)) {
    const expected = referenceOutputs(model, feeds, options.rounding);
    return model.outputs.map(({ name }, i) => compareTensors(results[name]!, expected[i]!));
  }
  const outputNames = matchNames(outputs, model.outputs);
  return Promise.all(
    outputs.map(async (tensor, i) =>
      compareTensors(results[outputNames[i]!]!, await readTensor(tensor)),
    ),
  );
}

/** What the operators' references make of the network that was loaded. */
function referenceOutputs(
  { graph, inputs }: Model,
  feeds: Readonly<Record<string, TypedArray>>,
  rounding: Rounding,
): TensorData[] {
  const data = inputs.map(({ name }) => feeds[name] as TensorData);
  const tensors = interpret(graph, data, rounding);
  return graph.outputs.map((id) => tensors.get(id)!.data);
}

/**
 * The model's name for every recorded tensor: the recorded names where the model has them all, else
 * by position (a signature of the model may name its tensors anew).
 */
function matchNames(recorded: readonly GoldenTensor[], infos: readonly TensorInfo[]): string[] {
  if (recorded.length !== infos.length) {
    throw new InputError(`expected ${recorded.length} tensors, got a model with ${infos.length}`);
  }
  const names = infos.map(({ name }) => name);
  const given = recorded.map(({ name }) => name);
  const isKnown = given.every((name) => name !== undefined && names.includes(name));
  return isKnown ? (given as string[]) : names;
}

async function readTensor(tensor: GoldenTensor) {
  try {
    return codesFromBytes(tensor, await readFile(tensor.file), tensor.file);
  } catch (cause) {
    throw cause instanceof BitlaneError ? cause : fileError(tensor.file, "a readable file", cause);
  }
}

function sumCodes(reports: readonly CaseReport[]): Pick<VerifyReport, "codes" | "different"> {
  const integers = reports
    .flatMap(({ outputs }) => outputs)
    .filter((output): output is CodeDifference => "codes" in output);
  return {
    codes: integers.reduce((sum, { codes }) => sum + codes, 0),
    different: integers.reduce((sum, { different }) => sum + different, 0),
  };
}

function printCase({ name, outputs, error }: CaseReport, isWithin: boolean): string {
  const texts = outputs.map((output) =>
    "codes" in output
      ? `${output.different} of ${output.codes} codes different, by ${output.maxLsb} at most`
      : `relative difference ${output.maxRelative.toExponential(1)}`,
  );
  return `${isWithin ? "ok  " : "FAIL"} ${name}: ${error ?? texts.join("; ")}`;
}

function describeError(error: unknown): string {
  const message = (error as Error).message.replaceAll(/\s*\n\s*/g, "; ");
  return `${error instanceof BitlaneError ? error.code : "INTERNAL"}: ${message}`;
}
