/** `bitlane run`: one inference on files. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { dequantize, load, type Model, type Results, type TensorInfo } from "../model/index.ts";
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
import { assignInputs, readInputFile } from "./input-files.ts";
import { PRESET_NOTES, PRESETS } from "./presets.ts";
import { readRequantization, REQUANTIZE_OPTIONS } from "./requantization.ts";
import { bytesOf, describeInfo } from "./tensor-file.ts";
import { textTable } from "./terminal.ts";

export const run: Command = {
  name: "run",
  summary: "Runs a model once on files and shows what comes out.",
  operands: "MODEL --input [NAME=]FILE…",
  options: [
    {
      name: "input",
      value: "[NAME=]FILE",
      multiple: true,
      help: ".png, .jpg, .npy, or .bin (raw codes); one per input, in order or by name",
    },
    { name: "preset", value: "NAME", help: "how an image becomes an input (see below)" },
    ...REQUANTIZE_OPTIONS,
    ROUNDING_OPTION,
    NO_DETERMINISTIC_OPTION,
    THREADS_OPTION,
    REVECTORIZE_OPTION,
    { name: "top", value: "K", help: "the K largest values of the first output" },
    { name: "labels", value: "FILE", help: "names of classes: one per line, or a JSON array" },
    { name: "raw-output", value: "DIR", help: "writes 0.bin, 1.bin …: raw codes of the outputs" },
    JSON_OPTION,
  ],
  notes: PRESET_NOTES,

  async run(given: Arguments, terminal: Terminal): Promise<number> {
    const [source, ...more] = given.operands;
    const files = [...given.list("input"), ...more];
    if (source === undefined) throw new UsageError("expected one MODEL, got none");
    if (files.length === 0) throw new UsageError("expected --input [NAME=]FILE, got none");
    const preset = given.choice("preset", PRESETS) ?? "auto";
    const top = given.integer("top", 1, 1_000_000);
    const labelFile = given.text("labels");
    if (labelFile !== undefined && top === undefined) throw new UsageError("--labels needs --top");
    const threads = given.integer("threads", 1, 64);
    const rounding = given.choice("rounding", ["fp32", "tflite-reference"]);
    const requantization = readRequantization(given);

    await using model = await load(source, {
      ...requantization,
      revectorize: given.flag("revectorize"),
      deterministic: !given.flag("no-deterministic"),
      ...(threads === undefined ? {} : { threads }),
      ...(rounding === undefined ? {} : { rounding }),
    });
    const feeds = await readFeeds(model, files, preset);
    const start = performance.now();
    const results = await model.run(feeds);
    const timeMs = performance.now() - start;

    const directory = given.text("raw-output");
    if (directory !== undefined) await writeOutputs(directory, model.outputs, results);
    const best =
      top === undefined ? undefined : await largest(model.outputs[0]!, results, top, labelFile);
    if (given.flag("json")) {
      const outputs = model.outputs.map((info) => ({
        ...info,
        codes: Array.from(results[info.name]! as ArrayLike<number | bigint>, Number),
      }));
      const result = { outputs, ...(best === undefined ? {} : { top: best }), timeMs };
      terminal.line(JSON.stringify({ ...result, threads: model.threads }));
    } else {
      for (const text of model.diagnostics) terminal.remark(text);
      for (const info of model.outputs) terminal.line(summarize(info, results[info.name]!));
      if (best !== undefined) terminal.line(topTable(best));
      terminal.line(`${timeMs.toFixed(2)} ms on ${model.threads} thread(s), the first run`);
    }
    return 0;
  },
};

async function readFeeds(model: Model, files: readonly string[], preset: (typeof PRESETS)[number]) {
  const assigned = assignInputs(files, model.inputs);
  const entries = model.inputs.map(
    async (info, i) => [info.name, await readInputFile(assigned[i]!, info, preset)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function writeOutputs(
  directory: string,
  outputs: readonly TensorInfo[],
  results: Results,
): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    for (const [i, { name }] of outputs.entries()) {
      await writeFile(join(directory, `${i}.bin`), bytesOf(results[name]!));
    }
  } catch (cause) {
    throw fileError(directory, "a folder that can be written", cause);
  }
}

interface Ranked {
  readonly index: number;
  readonly label?: string;
  /** The real value: a probability where the model ends with a softmax. */
  readonly value: number;
}

async function largest(
  info: TensorInfo,
  results: Results,
  count: number,
  labelFile: string | undefined,
): Promise<Ranked[]> {
  const values = dequantize(info, results[info.name]!);
  const labels = labelFile === undefined ? undefined : await readLabels(labelFile, values.length);
  return Array.from(values, (value, index) => ({ index, value }))
    .sort((a, b) => b.value - a.value || a.index - b.index)
    .slice(0, count)
    .map(({ index, value }) => {
      const label = labels?.[index];
      return { index, ...(label === undefined ? {} : { label }), value };
    });
}

/** A list that is one shorter than the classes lacks the background class, which is class 0. */
async function readLabels(file: string, classes: number): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw fileError(file, "a readable file", cause);
  }
  const labels = parseLabels(text, file);
  if (labels.length === classes - 1) return ["background", ...labels];
  if (labels.length === classes) return labels;
  throw new InputError(`${file}: expected ${classes} labels, got ${labels.length}`);
}

function parseLabels(text: string, file: string): string[] {
  if (!text.trimStart().startsWith("[")) return text.trimEnd().split(/\r?\n/);
  try {
    const labels: unknown = JSON.parse(text);
    if (Array.isArray(labels)) return labels.map(String);
  } catch (cause) {
    throw new InputError(`${file}: expected a JSON array of labels`, { cause });
  }
  throw new InputError(`${file}: expected a JSON array of labels`);
}

function topTable(best: readonly Ranked[]): string {
  const rows = best.map(({ index, label, value }) => [
    String(index),
    value.toPrecision(5),
    label ?? "",
  ]);
  return textTable(["class", "value", "label"], rows, ["right", "right"]);
}

const SHOWN = 10;

function summarize(info: TensorInfo, data: TensorData): string {
  const codes = Array.from(data.subarray(0, SHOWN) as ArrayLike<number | bigint>, String);
  const rest = data.length > SHOWN ? ` … (${data.length} in all)` : "";
  return `output "${info.name}" ${describeInfo(info)}\n  ${codes.join(" ")}${rest}`;
}
