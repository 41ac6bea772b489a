/**
 * Do the runtimes answer the same? Integer runtimes round intermediate results in different ways, so
 * their codes may differ by a few steps; a float runtime on an integer network shares the top-1 only.
 */
import type { Network } from "../networks.ts";
import type { Rival } from "../rival.ts";
import type { Opened } from "./host.ts";

/** Largest difference between integer runtimes, in steps of the output's scale. */
export const MAX_STEPS = 12;
/** Largest difference between float runtimes, relative to the largest output. */
export const MAX_RELATIVE = 1e-3;

export interface Agreement {
  readonly agrees: boolean;
  readonly sameTop1: boolean;
  /** Steps of the output's scale, or relative to the largest output for a float network. */
  readonly difference: number;
  readonly unit: "steps" | "relative";
}

/** @param expected TFLite's answer, or the first runtime's where TFLite's is not known */
export function compareAnswers(
  network: Network,
  rival: Rival,
  opened: Opened,
  expected: readonly number[],
): Agreement {
  const quantization = network.outputQuantization;
  const answer =
    quantization !== undefined && opened.outputIs === "reals"
      ? opened.output.map((value) => value / quantization.scale + quantization.zeroPoint)
      : opened.output;
  if (answer.length !== expected.length) {
    throw new Error(`${rival.name}: expected ${expected.length} outputs, got ${answer.length}`);
  }
  const distance = answer.reduce((most, v, i) => Math.max(most, Math.abs(v - expected[i]!)), 0);
  const sameTop1 = shareTop1(answer, expected);
  if (quantization !== undefined) {
    const close = rival.arithmetic === "float" || distance <= MAX_STEPS;
    return { agrees: sameTop1 && close, sameTop1, difference: distance, unit: "steps" };
  }
  const difference = distance / expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return { agrees: sameTop1 && difference <= MAX_RELATIVE, sameTop1, difference, unit: "relative" };
}

/** True also where the best of `answer` is one of several equal best codes of `expected`. */
function shareTop1(answer: readonly number[], expected: readonly number[]): boolean {
  let best = 0;
  for (let i = 1; i < answer.length; i++) if (answer[i]! > answer[best]!) best = i;
  return expected[best] === expected.reduce((most, v) => Math.max(most, v), -Infinity);
}
