/** What threads give: a network on one and on several threads, in turns. */
import { readFileSync } from "node:fs";
import { load, type Model, type TypedArray } from "../../src/model/index.ts";
import { typeBytes, viewData } from "../../src/tensor/index.ts";
import { median } from "../rivals/harness/statistics.ts";

export interface NetworkTimes {
  readonly network: string;
  /** Milliseconds per inference: medians over the rounds. */
  readonly oneMs: number;
  readonly runMs: number;
  readonly runSyncMs: number;
  readonly runBatchMs: number;
  /** Medians of the ratios within a round: how many times as fast as one thread. */
  readonly run: number;
  readonly runSync: number;
  readonly runBatch: number;
}

export interface Turns {
  readonly threads: number;
  /** Turns of every way. */
  readonly rounds: number;
  /** Milliseconds of one way in one turn. */
  readonly turnMs: number;
}

export async function measureNetwork(
  name: string,
  file: string,
  { threads, rounds, turnMs }: Turns,
): Promise<NetworkTimes> {
  const bytes = new Uint8Array(readFileSync(file));
  await using alone = await load(bytes, { threads: 1 });
  await using shared = await load(bytes, { threads });
  const x = input(alone);
  const batch = Array.from({ length: 4 * threads }, () => x);
  const ways = [
    async () => void (await alone.run(x)),
    async () => void (await shared.run(x)),
    async () => void shared.runSync(x),
    async () => void (await shared.runBatch(batch)),
  ];
  const perCall = [1, 1, 1, batch.length];
  for (const way of ways) await turn(way, turnMs);
  const times = ways.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, way] of ways.entries()) times[i]!.push((await turn(way, turnMs)) / perCall[i]!);
  }
  const ratio = (i: number) => median(times[i]!.map((time, round) => times[0]![round]! / time));
  const result = {
    network: name,
    oneMs: median(times[0]!),
    runMs: median(times[1]!),
    runSyncMs: median(times[2]!),
    runBatchMs: median(times[3]!),
    run: ratio(1),
    runSync: ratio(2),
    runBatch: ratio(3),
  };
  console.log(
    [
      result.network.padEnd(40),
      `${result.oneMs.toFixed(3).padStart(8)} ms`,
      ...(["run", "runSync", "runBatch"] as const).map((way) => `${way} ${result[way].toFixed(2)}`),
    ].join("  "),
  );
  return result;
}

/** Median milliseconds of a call within one turn. */
async function turn(call: () => Promise<void>, turnMs: number): Promise<number> {
  const samples: number[] = [];
  const end = performance.now() + turnMs;
  do {
    const begin = performance.now();
    await call();
    samples.push(performance.now() - begin);
  } while (performance.now() < end);
  return median(samples);
}

function input(model: Model): TypedArray {
  const { graph } = model;
  const { type } = graph.values[graph.inputs[0]!]!;
  const data = viewData(type, new ArrayBuffer(typeBytes(type)), 0);
  for (let i = 0; i < data.length; i++) data[i] = (i * 37) & 127;
  return data;
}
