/** The command line of `npm run bench:rivals`. */
import { parseArgs } from "node:util";
import { bitlane, bitlaneIn } from "../bitlane.ts";
import { RIVALS, findRival } from "../index.ts";
import { BRIEF_NETWORK, DEFAULT_NETWORKS, readNetworkNames } from "../networks.ts";
import type { HostName, Rival } from "../rival.ts";
import type { MeasureSettings } from "./measure.ts";

export const USAGE = `Times bitlane and its rivals on the same networks in one run.

Usage: npm run bench:rivals -- [options]

  --networks a,b    int8 or float for all of a kind; default: ${DEFAULT_NETWORKS.join(",")}
  --rivals a,b      default: ${RIVALS.map(({ name }) => name).join(",")}
  --hosts a,b       node,chromium (default: both)
  --threads n       threads of one inference, for every rival (default 1)
  --rounds n        turns of every contender (default 10)
  --seconds s       recorded seconds of every contender and network (default 3)
  --schemes a,b     bitlane several times: int8 (the file, default), int4/uint8, int2/uint4, …: the network
                    re-quantized, its answer compared with bitlane's reference
  --revectorize     a second bitlane in Node, under --experimental-wasm-revectorize
  --brief           one small network, short turns; fine without rivals and browser
  --output file     where the JSON goes (default: a dated file in bench/results)
  --help

The rivals are installed on demand: npm install --prefix bench --ignore-scripts`;

export interface Options {
  readonly networks: readonly string[];
  readonly rivals: readonly Rival[];
  readonly hosts: readonly HostName[];
  readonly settings: MeasureSettings;
  readonly revectorize: boolean;
  readonly brief: boolean;
  readonly output: string | undefined;
  readonly help: boolean;
}

/** @throws TypeError, RangeError, Error for what it does not know */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      networks: { type: "string" },
      rivals: { type: "string" },
      schemes: { type: "string", default: "int8" },
      hosts: { type: "string", default: "node,chromium" },
      threads: { type: "string", default: "1" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      revectorize: { type: "boolean", default: false },
      brief: { type: "boolean", default: false },
      output: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const { brief, revectorize, output, help } = values;
  const networks =
    values.networks === undefined
      ? brief
        ? [BRIEF_NETWORK]
        : DEFAULT_NETWORKS
      : readNetworkNames(values.networks);
  const rivals = values.rivals?.split(",").map(findRival) ?? RIVALS;
  const schemes = values.schemes.split(",").map(bitlaneIn);
  return {
    networks,
    rivals: rivals.flatMap((rival) => (rival === bitlane ? schemes : [rival])),
    hosts: values.hosts.split(",").map(checkHost),
    settings: {
      threads: positive("threads", values.threads),
      rounds: positive("rounds", values.rounds ?? (brief ? "2" : "10")),
      seconds: positive("seconds", values.seconds ?? (brief ? "0.1" : "3")),
      warmSeconds: brief ? 0.1 : 1,
    },
    revectorize,
    brief,
    output,
    help,
  };
}

function checkHost(name: string): HostName {
  if (name === "node" || name === "chromium") return name;
  throw new RangeError(`--hosts: expected node or chromium, got "${name}"`);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  const whole = name === "seconds" || Number.isInteger(value);
  if (value > 0 && whole) return value;
  throw new RangeError(`--${name}: expected a number above 0, got "${text}"`);
}
