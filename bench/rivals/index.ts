/** The rivals, in the order of the printed table. */
import { bitlane, bitlaneIn } from "./bitlane.ts";
import { litert } from "./litert.ts";
import { onnxruntimeNode } from "./onnxruntime-node.ts";
import { onnxruntimeWeb } from "./onnxruntime-web.ts";
import type { Rival } from "./rival.ts";
import { tfjsWasm } from "./tfjs-wasm.ts";

export const RIVALS: readonly Rival[] = [
  bitlane,
  onnxruntimeWeb,
  litert,
  tfjsWasm,
  onnxruntimeNode,
];

/** @throws Error for a name that is none of a rival, nor `bitlane` and a scheme */
export function findRival(name: string): Rival {
  const [, scheme] = /^bitlane (.+)$/.exec(name) ?? [];
  if (scheme !== undefined) return bitlaneIn(scheme);
  const rival = RIVALS.find((candidate) => candidate.name === name);
  if (rival === undefined) {
    const names = RIVALS.map((candidate) => candidate.name).join(", ");
    throw new Error(`rival: expected one of ${names}, got "${name}"`);
  }
  return rival;
}
