/**
 * V8's revectorizer pairs 128-bit operations into 256-bit ones. It is an experimental compiler pass:
 * off by default, switched by a flag of the whole process, read when a function is optimised.
 */
import { isNode } from "./probe.ts";

const FIRST_NODE = 24;

/** Why the pass cannot be switched on here, or undefined if it can. */
export function whyNoRevectorization(): string | undefined {
  if (!isNode()) return "only Node can switch the compiler pass on";
  const major = Number(process.versions.node.split(".")[0]);
  if (major < FIRST_NODE)
    return `expected Node ${FIRST_NODE} or newer, got ${process.versions.node}`;
  if (process.arch !== "x64") return `expected x64, got ${process.arch}`;
  return undefined;
}

/** Switches the pass for all code that is optimised from now on. */
export function setRevectorization(isOn: boolean): void {
  process
    .getBuiltinModule("node:v8")
    .setFlagsFromString(`--${isOn ? "" : "no-"}experimental-wasm-revectorize`);
}
