/** What `bitlane compare` measures, and how it prints that. */
import type { LayerError } from "./layer-errors.ts";
import { textTable, withPrefix } from "./terminal.ts";

export interface SchemeReport {
  readonly name: string;
  /** Bytes that the weights take while the network is loaded. */
  readonly weightBytes: number;
  readonly medianMs: number;
  readonly macsPerSecond: number;
  /** Median of the file over this median. */
  readonly speedUp: number;
  readonly correct: number;
  readonly of: number;
  /** Samples that are right here and wrong in the file's network, and the other way round. */
  readonly gained: number;
  readonly lost: number;
  readonly layers: readonly LayerError[];
}

export interface CompareReport {
  readonly schemes: readonly SchemeReport[];
  readonly threads: number;
}

export function printReport({ schemes, threads }: CompareReport): string {
  const rows = schemes.map(
    ({ name, weightBytes, medianMs, macsPerSecond, speedUp, correct, of, gained, lost }) => [
      name,
      String(weightBytes),
      medianMs.toFixed(3),
      withPrefix(macsPerSecond),
      speedUp.toFixed(2),
      `${correct} of ${of}`,
      `+${gained} -${lost}`,
    ],
  );
  const head = [
    ...["scheme", "weight bytes", "median ms", "MAC/s", "speed-up", "top-1"],
    "to the file",
  ];
  const right = (columns: number) => Array.from({ length: columns }, () => "right" as const);
  const others = schemes.slice(1);
  const layers = schemes[0]!.layers.map(({ name }, i) => [
    ...others.map(({ layers: own }) => errorCell(own[i]!)),
    name.slice(0, MAX_LABEL),
  ]);
  return [
    textTable(head, rows, ["left", ...right(6)]),
    `${threads} thread(s)`,
    "",
    "signal to quantization noise of the layers' outputs, dB: in the network / the layer alone",
    textTable([...others.map(({ name }) => name), "layer"], layers, right(others.length)),
  ].join("\n");
}

/** Names of fused values can be hundreds of characters long. */
export const MAX_LABEL = 60;

function errorCell({ sqnrDb, isolatedDb }: LayerError): string {
  const [all, own] = [sqnrDb, isolatedDb].map((value) =>
    Number.isFinite(value) ? value.toFixed(1) : "",
  );
  return `${all} / ${own}`.replace(/^ \/ $/, "");
}
