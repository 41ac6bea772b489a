/** Tables of networks in minifloats, from the kept results of `bench/minifloat-networks.ts`. */
import type { MinifloatRow } from "../bench/minifloat-networks.ts";
import type { ReportHead } from "../bench/report.ts";
import { table } from "./markdown.ts";
import { describe, megabytes, read } from "./measured.ts";

interface Report extends ReportHead {
  readonly networks: readonly MinifloatRow[];
}

const TITLES: ReadonlyMap<string, string> = new Map([
  ["imagenet/squeezenet_1.0_227_float.tflite", "SqueezeNet 1.0, float"],
  ["imagenet/squeezenet_1.0_227_int8.tflite", "SqueezeNet 1.0, int8"],
  ["imagenet/mobilenet_v2_int8_perchannel.tflite", "MobileNetV2, int8"],
  ["mlperf-tiny/resnet8_float.tflite", "ResNet-8, float"],
  ["mlperf-tiny/resnet8_int8.tflite", "ResNet-8, int8"],
]);
const FILE = "file";

const isOfBlocks = (scheme: string): boolean => scheme.startsWith("mx");

/** Right answers with samples; in brackets without. */
export const minifloatAnswersTable = (): string =>
  answers(
    (scheme) => !isOfBlocks(scheme),
    ({ correct, correctBySelf: alone }) =>
      alone === null ? `${correct}` : `${correct} (${alone})`,
  );

/** Right answers of networks in blocks without samples; in brackets with them. */
export const blockAnswersTable = (): string =>
  answers(
    (scheme) => scheme === FILE || isOfBlocks(scheme),
    ({ correct, correctBySelf: alone }) =>
      alone === null ? `${correct}` : `${alone} (${correct})`,
  );

function answers(
  isShown: (scheme: string) => boolean,
  cell: (row: MinifloatRow) => string,
): string {
  const report = read<Report>("minifloat-networks");
  const samples = [...TITLES.keys()].map((model) => {
    return String(report.networks.find((row) => row.model === model)?.samples);
  });
  return networksTable(report, "top-1", isShown, cell, [["samples", ...samples]]);
}

/** How many times as fast as the file, by least times, and bytes of weights. */
export function minifloatTimesTable(): string {
  const report = read<Report>("minifloat-times");
  const least = (model: string): number =>
    report.networks.find((row) => row.model === model && row.scheme === FILE)!.leastMs!;
  return networksTable(
    report,
    "time against the file, weight bytes",
    () => true,
    ({ model, scheme, leastMs, weightBytes }) => {
      const ratio = least(model) / leastMs!;
      const time = scheme === FILE ? `${leastMs!.toFixed(2)} ms` : `${ratio.toFixed(2)}×`;
      return `${time}, ${megabytes(weightBytes)}`;
    },
  );
}

/** A row for each scheme, a column for each network, and where the figures come from. */
function networksTable(
  report: Report,
  title: string,
  isShown: (scheme: string) => boolean,
  cell: (row: MinifloatRow) => string,
  before: readonly (readonly string[])[] = [],
): string {
  const measured = new Set(report.networks.map(({ model }) => model));
  const columns = [...TITLES].filter(([model]) => measured.has(model));
  const schemes = new Set(report.networks.map(({ scheme }) => scheme).filter(isShown));
  const rows = [...schemes].map((scheme) => [
    scheme === FILE ? "as in the file" : scheme,
    ...columns.map(([model]) => {
      const row = report.networks.find((own) => own.model === model && own.scheme === scheme);
      return row === undefined ? "" : cell(row);
    }),
  ]);
  const head = [title, ...columns.map(([, name]) => name)];
  return [table(head, [...before, ...rows]), describe(report)].join("\n\n");
}
