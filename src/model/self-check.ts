/**
 * Holds optimised code to baseline code: every step of a model, on pseudo-random bytes, in a module
 * that is hot and in a fresh one that never was. A compiler pass that we do not trust yet must pass.
 */
import type { Plan } from "../plan/index.ts";
import type { Binding, Runner } from "../schedule/index.ts";

/**
 * Work after which the engine has long asked for optimised code of a kernel (1 to 2 ms of it), and time
 * for its compiler, on another thread, to deliver what was asked for last.
 */
const WARM_MS = 20;
const SETTLE_MS = 60;

/** The kernels whose result differs; none: the module may be used. */
export function differingKernels(hot: Runner, fresh: Runner): string[] {
  warm(hot);
  for (const runner of [hot, fresh]) fillArena(runner.binding);
  const plan = hot.binding.plan;
  const differing = new Set<string>();
  plan.steps.forEach((step, i) => {
    if (step.kind === "reference") return;
    hot.runStep(i);
    fresh.runStep(i);
    if (!sameArena(hot.binding, fresh.binding)) {
      differing.add(step.kernel);
      copyArena(fresh.binding, hot.binding);
    }
  });
  return [...differing];
}

/** Runs every kernel of the plan until it is optimised; steps in turn, on the bytes that are there. */
function warm(runner: Runner): void {
  fillArena(runner.binding);
  const stepsByKernel = new Map<string, number[]>();
  runner.binding.plan.steps.forEach((step, i) => {
    if (step.kind === "reference") return;
    const steps = stepsByKernel.get(step.kernel);
    if (steps === undefined) stepsByKernel.set(step.kernel, [i]);
    else steps.push(i);
  });
  const all = [...stepsByKernel.values()];
  for (const steps of all) runFor(runner, steps, WARM_MS);
  runFor(runner, all.flat(), SETTLE_MS);
}

/** The steps in turn for a time, and each of them once at least. */
function runFor(runner: Runner, steps: readonly number[], timeMs: number): void {
  const end = performance.now() + timeMs;
  do {
    for (const step of steps) runner.runStep(step);
  } while (performance.now() < end);
}

function arenaOf({ plan, layout, program }: Binding): Uint8Array {
  return new Uint8Array(program.memory.buffer, layout.arenaAddresses[0], plan.arenaBytes);
}

/** xorshift bytes; floats among them get a small exponent, so that sums stay finite. */
function fillArena(binding: Binding): void {
  const arena = arenaOf(binding);
  const hasFloats = isFloat(binding.plan);
  let state = 0x9e3779b9;
  for (let i = 0; i < arena.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    arena[i] = hasFloats && i % 4 === 3 ? 0x3e | (state & 0x80) : state;
  }
}

function isFloat(plan: Plan): boolean {
  return plan.steps.some((step) => step.kind === "kernel" && step.kernel.includes("f32"));
}

function sameArena(a: Binding, b: Binding): boolean {
  return process.getBuiltinModule("node:buffer").Buffer.compare(arenaOf(a), arenaOf(b)) === 0;
}

function copyArena(from: Binding, to: Binding): void {
  arenaOf(to).set(arenaOf(from));
}
