/** V8's 256-bit pass for the kernels of a model, trusted only after its code has been compared. */
import type { Plan } from "../plan/index.ts";
import type { Runner } from "../schedule/index.ts";
import { setRevectorization, whyNoRevectorization } from "../wasm/index.ts";
import { differingKernels } from "./self-check.ts";

/** Kernels whose optimised code was compared with baseline code in this process. */
const checkedKernels = new Set<string>();
/** Variant of the modules that is compiled once the pass is off again. */
const AFTER_FAULT = "after revectorization";
/** Set once a comparison failed: the pass stays off. */
let revectorizationFault: string | undefined;

/**
 * The variant of the modules to use with the pass on, or without it, with the reason in `diagnostics`.
 * @param start the plan on one thread and on a variant of its modules
 */
export async function revectorizedVariant(
  { steps }: Plan,
  start: (variant: string) => Promise<Runner>,
  diagnostics: string[],
  compareKernels = differingKernels,
): Promise<string> {
  const why = whyNoRevectorization() ?? revectorizationFault;
  if (why !== undefined) {
    diagnostics.push(`not revectorized: ${why}`);
    // What was optimised while the pass was on must not be used after a fault.
    return revectorizationFault === undefined ? "" : AFTER_FAULT;
  }
  const variant = "revectorized";
  setRevectorization(true);
  const names = steps.flatMap((step) => (step.kind === "kernel" ? [step.kernel] : []));
  if (names.every((name) => checkedKernels.has(name))) return variant;
  const hot = await start(variant);
  const fresh = await start(`fresh ${checkedKernels.size}`);
  const differing = compareKernels(hot, fresh);
  if (differing.length === 0) {
    for (const name of names) checkedKernels.add(name);
    return variant;
  }
  setRevectorization(false);
  revectorizationFault = `its results differ in ${differing.join(", ")}`;
  diagnostics.push(`not revectorized: ${revectorizationFault}`);
  return AFTER_FAULT;
}
