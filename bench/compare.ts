/**
 * `bitlane compare` on three networks of ../shared: bytes, time and top-1 in fewer bits and in
 * minifloats, as one JSON (README.md shows it).
 *
 *     node bench/compare.ts [--only NAME] [--runs N] [--brief] [--output FILE]
 *
 *     --only NAME     comparisons whose model, or whose kind (low-bit, minifloat), contains NAME
 *     --runs N        timed runs of each scheme, in turn (default 30)
 *     --brief         a few samples of one network
 *     --output FILE   where the JSON goes (default: a dated file in bench/results)
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { CompareReport, SchemeReport } from "../src/cli/compare.ts";
import { textTable } from "../src/cli/terminal.ts";
import { sharedPath } from "../test/shared.ts";
import { NETWORKS } from "./accuracy/networks.ts";
import { beginReport, writeReport } from "./report.ts";

const LOW_BIT = [
  ...["int4/uint8", "int4/uint4", "int2/uint8", "int2/uint4"],
  ...["ternary/uint8", "binary/uint4"],
];
const MINIFLOAT = [
  ...["float8_e4m3fn", "float8_e5m2", "float8_e3m4", "float6_e2m3fn", "float6_e3m2fn"],
  ...["float4_e2m1fn", "mxfp8_e4m3", "mxfp6_e2m3", "mxfp4"],
].map((name) => `${name}/${name}`);

interface Comparison {
  readonly kind: "low-bit" | "minifloat";
  readonly name: string;
  /** Path below ../shared/models, of which accuracy/networks.ts knows the data. */
  readonly model: string;
  readonly samples: number;
}

/** Minifloats from float32 where there is a file, with ranges by calibration. */
const COMPARISONS: readonly Comparison[] = [
  ...all("low-bit", [
    ["SqueezeNet 1.0", "imagenet/squeezenet_1.0_227_int8", 250],
    ["MobileNetV2", "imagenet/mobilenet_v2_int8_perchannel", 250],
    ["ResNet-8", "mlperf-tiny/resnet8_int8", 5000],
  ]),
  ...all("minifloat", [
    ["SqueezeNet 1.0", "imagenet/squeezenet_1.0_227_float", 250],
    ["MobileNetV2", "imagenet/mobilenet_v2_int8_perchannel", 250],
    ["ResNet-8", "mlperf-tiny/resnet8_float", 5000],
  ]),
];

function all(
  kind: Comparison["kind"],
  rows: readonly (readonly [string, string, number])[],
): Comparison[] {
  return rows.map(([name, model, samples]) => ({ kind, name, model: `${model}.tflite`, samples }));
}

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    runs: { type: "string", default: "30" },
    brief: { type: "boolean", default: false },
    output: { type: "string" },
  },
});
const shared = { models: sharedPath("models"), data: sharedPath("data") };
if (shared.models === undefined || shared.data === undefined) {
  console.error("expected ../shared");
  process.exitCode = 1;
} else {
  const head = beginReport("node bench/compare.ts");
  const chosen = COMPARISONS.filter(
    ({ kind, model }) =>
      (kind.includes(options.only) || model.includes(options.only)) &&
      (!options.brief || model.includes("resnet8")),
  );
  const comparisons = chosen.map((comparison) => {
    const { schemes, threads } = compare(comparison, shared.models!, shared.data!);
    const label = `${comparison.name}, ${comparison.kind}`;
    console.log(`\n${label}, ${threads} thread(s)\n${printSchemes(schemes)}`);
    return { ...comparison, threads, schemes: schemes.map(withoutLayers) };
  });
  writeReport("compare", head, { comparisons }, { output: options.output, isBrief: options.brief });
}

/** The command as a user gives it. */
function compare({ kind, model, samples }: Comparison, models: string, data: string) {
  const { dataset, floatPreset } = NETWORKS.find((network) => network.model === model)!;
  const schemes = kind === "low-bit" ? LOW_BIT : [...MINIFLOAT, "hfp8"];
  const words = [
    ...["compare", join(models, model), "--data", join(data, dataset), "--preset", floatPreset],
    ...["--weights", (options.brief ? schemes.slice(0, 1) : schemes).join(",")],
    ...["--samples", String(options.brief ? 4 : samples)],
    ...["--runs", options.brief ? "2" : options.runs, "--threads", "1", "--json"],
  ];
  const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
  const text = execFileSync(process.execPath, [cli, ...words], { encoding: "utf8" });
  return JSON.parse(text) as CompareReport;
}

/** Errors by layer are the command's to show; they would be nine tenths of the file. */
function withoutLayers(scheme: SchemeReport): Omit<SchemeReport, "layers"> {
  const { name, weightBytes, medianMs, macsPerSecond, speedUp, correct, of, gained, lost } = scheme;
  return { name, weightBytes, medianMs, macsPerSecond, speedUp, correct, of, gained, lost };
}

function printSchemes(schemes: readonly SchemeReport[]): string {
  const rows = schemes.map(({ name, weightBytes, medianMs, speedUp, correct, of }) => [
    ...[name, String(weightBytes), medianMs.toFixed(3), speedUp.toFixed(2)],
    `${correct} of ${of}`,
  ]);
  const head = ["scheme", "weight bytes", "median ms", "speed-up", "top-1"];
  return textTable(head, rows, ["left", ...head.slice(1).map(() => "right" as const)]);
}
