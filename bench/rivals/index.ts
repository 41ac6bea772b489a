/** The rivals, in the order of the printed table. */
import { bitlane } from "./bitlane.ts";
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

export function findRival(name: string): Rival {
  const rival = RIVALS.find((candidate) => candidate.name === name);
  if (rival === undefined) {
    const names = RIVALS.map((candidate) => candidate.name).join(", ");
    throw new Error(`rival: expected one of ${names}, got "${name}"`);
  }
  return rival;
}
