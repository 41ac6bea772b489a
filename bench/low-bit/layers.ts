/** A layer of some shape in some scheme, on every kernel that can compute it. */
import type { Graph } from "../../src/graph/index.ts";
import { gemmForms, winogradKernels } from "../../src/kernels/index.ts";
import type { Plan } from "../../src/plan/index.ts";
import type { Binding } from "../../src/schedule/index.ts";
import { viewData } from "../../src/tensor/index.ts";
import { lowBitProblem } from "../../test/kernels/low-bit-problem.ts";
import { randomData, randomSource, referenceOutputs } from "../../test/kernels/runner.ts";
import {
  bind,
  bindRevectorized,
  findScheme,
  LAYER_HOT_MS,
  leastTimes,
  MACHINES,
  MARKS,
  planFor,
} from "./machines.ts";

/** The 1x1 layers of MobileNetV1. */
export const SHAPES = [
  ...["12544x64x32", "3136x128x64", "3136x128x128", "784x256x128", "784x256x256"],
  ...["196x512x256", "196x512x512", "49x1024x512", "49x1024x1024"],
];

export interface LayerRow {
  readonly shape: string;
  readonly scheme: string;
  readonly kernel: string;
  readonly ms: number;
  readonly gmacs: number;
  /** The same where the engine pairs vectors, in turn with the other. */
  readonly revectorizedMs?: number;
  /** Marks of the machines whose plan takes it. */
  readonly taken: string;
}

const KERNELS: readonly string[] = [
  ...[...gemmForms.values()].flatMap(({ name, operations }) =>
    operations.map((operation) => `${operation}_${name}`),
  ),
  ...winogradKernels.map(({ name }) => name),
];

export interface LayerOptions {
  /** Milliseconds of measuring each kernel. */
  readonly ms: number;
  readonly revectorize: boolean;
  /** What the names of kernels must hold. */
  readonly named: string;
  /** Only kernels that one of the machines takes. */
  readonly taken: boolean;
}

/**
 * @param shape MxNxK, or HxWxCxNkK
 * @throws Error for a wrong answer
 */
export async function* measureLayer(
  shape: string,
  scheme: string,
  options: LayerOptions,
): AsyncGenerator<LayerRow> {
  const graph = createGraph(shape, scheme);
  const selected = MARKS.map(
    (mark) => [mark, kernelOf(planFor(graph, MACHINES[mark].machine))] as const,
  );
  for (const kernel of KERNELS.filter((name) => name.includes(options.named))) {
    if (options.taken && !selected.some(([, name]) => name === kernel)) continue;
    const plan = planFor(graph, MACHINES["*"].machine, kernel);
    if (kernelOf(plan) !== kernel) continue;
    const [least, revectorizedMs] = await time(graph, plan, options);
    const taken = selected.map(([mark, name]) => (name === kernel ? mark : "")).join("");
    const gmacs = macsOf(plan) / least / 1e6;
    const second = revectorizedMs === undefined ? {} : { revectorizedMs };
    yield { shape, scheme, kernel, ms: least, gmacs, taken, ...second };
  }
}

function createGraph(shape: string, scheme: string): Graph {
  const { layer: activations, ...of } = findScheme(scheme);
  const matrix = /^(\d+)x(\d+)x(\d+)$/.exec(shape)?.slice(1).map(Number);
  if (matrix !== undefined) {
    const [m, n, k] = matrix as [number, number, number];
    return lowBitProblem({ ...of, activations, x: [1, 1, m, k], w: [n, 1, 1, k] });
  }
  const window = /^(\d+)x(\d+)x(\d+)x(\d+)k(\d+)$/.exec(shape)?.slice(1).map(Number);
  if (window === undefined) throw new Error(`expected MxNxK or HxWxCxNkK, got "${shape}"`);
  const [h, w, c, n, k] = window as [number, number, number, number, number];
  return lowBitProblem({ ...of, activations, x: [1, h, w, c], w: [n, k, k, c] });
}

/** The kernel that multiplies; a look-up in front narrows its activations. */
function kernelOf({ steps }: Plan): string | undefined {
  const names = steps.map((step) => (step.kind === "kernel" ? step.kernel : "reference"));
  return names.length === 1 || names[0] === "lookup_8" ? names.at(-1) : undefined;
}

function macsOf({ steps }: Plan): number {
  return steps.reduce((sum, { macs }) => sum + macs, 0);
}

/** Larger layers are compared with `reference()` by the tests. */
const CHECKED_MACS = 30_000_000;

/** Least milliseconds of one run, and of one run of revectorized code. */
async function time(
  graph: Graph,
  plan: Plan,
  { ms, revectorize }: LayerOptions,
): Promise<readonly [number, number?]> {
  const bindings = [
    bind(plan),
    ...(revectorize ? [await bindRevectorized(plan, LAYER_HOT_MS)] : []),
  ];
  const view = (binding: Binding, id: number): Uint8Array => {
    const address = binding.address(plan.places.get(id)!, 0);
    const data = viewData(graph.values[id]!.type, binding.program.memory.buffer, address);
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  };
  const input = randomData(graph.values[0]!.type, randomSource(7));
  for (const binding of bindings) view(binding, 0).set(new Uint8Array(input.buffer));
  const [least, second] = await leastTimes(bindings, ms);
  if (macsOf(plan) <= CHECKED_MACS) {
    const [expected] = referenceOutputs(graph, [input]);
    const codes = new Uint8Array(expected!.buffer, expected!.byteOffset, expected!.byteLength);
    for (const binding of bindings) {
      const answer = view(binding, graph.outputs[0]!);
      if (!codes.every((code, i) => code === answer[i])) {
        throw new Error(`${kernelOf(plan)}: wrong answer`);
      }
    }
  }
  return [least!, second];
}
