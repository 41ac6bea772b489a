/**
 * Do the runtimes answer the same? Integer runtimes round intermediate results in different ways, so
 * their codes may differ by a few steps; a float runtime on an integer network shares the top-1 only. A
 * re-quantized network is another network, with a reference of its own, which it equals to the bit.
 */
import type { Network } from "./network.ts";
import type { Rival } from "../rival.ts";
import type { Opened } from "./host.ts";

/**
 * Largest difference between integer runtimes, in steps of the output's scale. ONNX Runtime computes
 * the last softmax of a Q/DQ file in floats, from logits that may differ by a step.
 */
export const MAX_STEPS = 6;
/** Largest difference between float runtimes, relative to the largest output. */
export const MAX_RELATIVE = 1e-3;

/** The caveat of a network whose random weights let every signal die out. */
export const CONSTANT_OUTPUT = "all outputs of this network are equal";

export interface Agreement {
  readonly verdict: "agrees" | "disagrees" | "not comparable";
  readonly sameTop1: boolean;
  /** Steps of the output's scale, or relative to the largest output for a float network. */
  readonly difference: number;
  readonly unit: "steps" | "relative";
  /** Why the answer says little or nothing, "" if it can be trusted. */
  readonly caveat: string;
}

/**
 * @param expected TFLite's answer, or the first runtime's where TFLite's is not known; of a
 *   re-quantized network that of its reference
 */
export function compareAnswers(
  network: Network,
  rival: Rival,
  opened: Opened,
  expected: readonly number[],
): Agreement {
  const answer = inCodes(network, opened);
  if (answer.length !== expected.length) {
    throw new Error(`${rival.name}: expected ${expected.length} outputs, got ${answer.length}`);
  }
  const distance = answer.reduce((most, v, i) => Math.max(most, Math.abs(v - expected[i]!)), 0);
  const sameTop1 = shareTop1(answer, expected);
  const known = network.knownDifference?.[rival.form];
  const constant = expected.every((value) => value === expected[0]);
  const caveat = known ?? (constant ? CONSTANT_OUTPUT : "");
  const isInteger = network.output.quantization !== undefined;
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = isInteger ? distance : distance / largest;
  const most = rival.scheme !== undefined ? 0 : isInteger ? MAX_STEPS : MAX_RELATIVE;
  const isClose = difference <= most || (isInteger && rival.arithmetic === "float");
  const agrees = sameTop1 && isClose ? "agrees" : "disagrees";
  return {
    verdict: known === undefined ? agrees : "not comparable",
    sameTop1,
    difference,
    unit: isInteger ? "steps" : "relative",
    caveat,
  };
}

/** Codes of the file's output; reals become codes that are not rounded, but end where codes end. */
function inCodes({ output: { quantization, min, max } }: Network, opened: Opened): number[] {
  if (quantization === undefined || opened.outputIs === "codes") return [...opened.output];
  const { scale, zeroPoint } = quantization;
  return opened.output.map((v) => Math.min(max, Math.max(min, v / scale + zeroPoint)));
}

/** True also where the best of `answer` is one of several equal best codes of `expected`. */
function shareTop1(answer: readonly number[], expected: readonly number[]): boolean {
  let best = 0;
  for (let i = 1; i < answer.length; i++) if (answer[i]! > answer[best]!) best = i;
  return expected[best] === expected.reduce((most, v) => Math.max(most, v), -Infinity);
}
