/**
 * Layers in fewer bits on every kernel that can compute them, one thread: GMAC/s, the least time of many
 * runs. Every answer of a layer that is not too large is compared with `reference()`.
 *
 *     node bench/low-bit.ts [--shape MxNxK | HxWxCxNkK]… [--scheme W4A8]… [--time MS]
 *     node bench/low-bit.ts --model FILE… [--scheme W4A8]…      whole networks, re-quantized at load
 *
 *     --kernel TEXT   only kernels whose name holds it
 *     --taken         only kernels that a mark stands at
 *     --revectorize   also on code that V8's pass makes, which pairs vectors (Node 24, x64)
 *     --time MS       of measuring a kernel (default 300), a tenth of a network's
 *     --brief         one shape, two schemes, short
 *     --output FILE   where the JSON goes (default: a dated file in bench/results)
 *
 * `*` marks what the plan takes on this machine, `+` what it would take without the one-instruction dot,
 * `-` without relaxed SIMD.
 */
import { parseArgs } from "node:util";
import { type LayerRow, measureLayer, SHAPES } from "./low-bit/layers.ts";
import { MACHINES, SCHEMES } from "./low-bit/machines.ts";
import { measureNetwork, type NetworkRow } from "./low-bit/networks.ts";
import { beginReport, writeReport } from "./report.ts";

const { values } = parseArgs({
  options: {
    shape: { type: "string", multiple: true },
    scheme: { type: "string", multiple: true },
    model: { type: "string", multiple: true, default: [] },
    time: { type: "string" },
    revectorize: { type: "boolean", default: false },
    kernel: { type: "string", default: "" },
    taken: { type: "boolean", default: false },
    brief: { type: "boolean", default: false },
    output: { type: "string" },
  },
});
const { brief: isBrief, model: models, output, revectorize, kernel: named } = values;
const ms = Number(values.time ?? (isBrief ? 20 : 300));
const schemes = values.scheme ?? (isBrief ? ["W8A8", "W2A4"] : Object.keys(SCHEMES));
const shapes = values.shape ?? (isBrief ? SHAPES.slice(-1) : SHAPES);

const head = beginReport("node bench/low-bit.ts");
const rows: LayerRow[] = [];
const networks: NetworkRow[] = [];
for (const model of models) {
  for (const scheme of schemes) {
    for await (const row of measureNetwork(model, scheme, 10 * ms, revectorize)) {
      networks.push(row);
      printNetwork(row);
    }
  }
}
for (const shape of models.length > 0 ? [] : shapes) {
  for (const scheme of schemes) {
    for await (const row of measureLayer(shape, scheme, {
      ms,
      revectorize,
      named,
      taken: values.taken,
    })) {
      rows.push(row);
      printLayer(row);
    }
  }
}
const { dot } = MACHINES["*"].machine;
writeReport("low-bit", head, { dot, rows, networks }, { isBrief, output });

function printNetwork({
  model,
  scheme,
  machine,
  constantBytes,
  kernels,
  ...row
}: NetworkRow): void {
  const counts = Object.entries(kernels).map(([name, count]) => `${count} ${name}`);
  const megabytes = (constantBytes / 1e6).toFixed(2).padStart(7);
  const time = row.ms.toFixed(2).padStart(8);
  const paired = row.revectorizedMs === undefined ? "" : ` ${row.revectorizedMs.toFixed(2)} paired`;
  console.log(
    `${model} ${scheme} ${machine.padEnd(20)} ${time} ms${paired} ${megabytes} MB  ${counts.join(", ")}`,
  );
}

function printLayer(row: LayerRow): void {
  const { shape, scheme, kernel, taken, gmacs, ms: least, revectorizedMs: paired } = row;
  const rate = gmacs.toFixed(1).padStart(6);
  const time = least.toFixed(4).padStart(9);
  const second =
    paired === undefined ? "" : ` ${((gmacs * least) / paired).toFixed(1).padStart(6)} paired`;
  console.log(
    `${shape.padEnd(16)} ${scheme} ${taken.padEnd(3)} ${kernel.padEnd(28)} ${rate} GMAC/s ${time} ms${second}`,
  );
}
