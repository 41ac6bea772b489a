/** One network: opens every contender, checks its answer, and times them all in turns. */
import type { Network } from "./network.ts";
import type { HostName } from "../rival.ts";
import { type Agreement, compareAnswers } from "./agreement.ts";
import type { Contender } from "./contender.ts";
import { median, type Spread, spread } from "./statistics.ts";

export interface MeasureSettings {
  readonly threads: number;
  /** Turns that every contender gets. */
  readonly rounds: number;
  /** Recorded seconds of every contender, all turns together. */
  readonly seconds: number;
  /** Unrecorded seconds after opening; optimised code must have taken over by then. */
  readonly warmSeconds: number;
}

export interface Row {
  readonly label: string;
  readonly host: HostName;
  /** Absent where the contender cannot run the network. */
  readonly result?: Result;
  readonly reason?: string;
}

export interface Result {
  readonly timeMs: Spread;
  /** Median of every turn: what ratios are made of. */
  readonly roundsMs: readonly number[];
  readonly openMs: number;
  readonly agreement: Agreement;
  readonly note: string;
}

/** Unrecorded milliseconds at the start of a turn: caches, clock and threads come back. */
const TURN_WARM_MS = 20;

interface Runner {
  readonly contender: Contender;
  readonly samples: number[];
  readonly roundsMs: number[];
  readonly row: (timing: Pick<Result, "timeMs" | "roundsMs">) => Row;
}

export async function measureNetwork(
  network: Network,
  contenders: readonly Contender[],
  settings: MeasureSettings,
): Promise<Row[]> {
  const rows = new Map<Contender, Row>();
  const runners: Runner[] = [];
  let { expected } = network;
  try {
    for (const contender of contenders) {
      const { rival, label, host } = contender;
      const modelAt = network.files[rival.form];
      if (modelAt === undefined) {
        rows.set(contender, { label, host, reason: `no ${rival.form} file` });
        continue;
      }
      try {
        const opened = await contender.open({
          rival: rival.name,
          modelAt,
          inputAt: network.inputFile,
          input: network.input,
          threads: settings.threads,
        });
        if (rival.scheme === undefined) expected ??= opened.output;
        const right =
          rival.scheme === undefined ? expected! : await network.reference(rival.scheme);
        const agreement = compareAnswers(network, rival, opened, right);
        const { openMs, note } = opened;
        await contender.measure({ warmMs: settings.warmSeconds * 1000, recordMs: 0 });
        runners.push({
          contender,
          samples: [],
          roundsMs: [],
          row: (timing) => ({ label, host, result: { ...timing, openMs, agreement, note } }),
        });
      } catch (error) {
        rows.set(contender, { label, host, reason: firstLine(error) });
      }
    }
    const recordMs = (settings.seconds * 1000) / settings.rounds;
    for (let round = 0; round < settings.rounds; round++) {
      for (const { contender, samples, roundsMs } of rotate(runners, round)) {
        const times = await contender.measure({ warmMs: TURN_WARM_MS, recordMs });
        samples.push(...times);
        roundsMs.push(median(times));
      }
    }
  } finally {
    for (const contender of contenders) await contender.close();
  }
  for (const { contender, samples, roundsMs, row } of runners) {
    rows.set(contender, row({ timeMs: spread(samples), roundsMs }));
  }
  return contenders.map((contender) => rows.get(contender)!);
}

/** Every round begins with another contender, so that none always follows the same one. */
function rotate<T>(items: readonly T[], by: number): T[] {
  const at = by % Math.max(1, items.length);
  return [...items.slice(at), ...items.slice(0, at)];
}

function firstLine(error: unknown): string {
  const [line = ""] = String(error instanceof Error ? error.message : error).split("\n");
  return line.replace(/^(page\.evaluate: )?(Error: )*/, "").slice(0, 200);
}
