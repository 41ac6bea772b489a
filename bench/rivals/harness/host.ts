/**
 * One side of the measurement: opens one rival on one network and times it. The same code runs in a
 * Node process and in a page, so that every rival is timed in the same way.
 */
import type { Elements, Environment, Input, Rival } from "../rival.ts";

/** A contender's task. Addresses are file paths in Node and URLs in a page. */
export interface Job {
  readonly rival: string;
  readonly modelAt: string;
  readonly inputAt: string;
  readonly input: Omit<Input, "data">;
  readonly threads: number;
}

/** Plain data: it crosses to the controller. */
export interface Opened {
  readonly openMs: number;
  readonly output: readonly number[];
  /** Codes of the file's output format, or real values. */
  readonly outputIs: "codes" | "reals";
  readonly note: string;
}

export interface MeasureOptions {
  /** Unrecorded runs go on for this long. */
  readonly warmMs: number;
  /** Recorded runs go on for this long, one sample at least. */
  readonly recordMs: number;
}

/**
 * Runs shorter than this are timed several together, so that the clock's step (5 µs in an isolated
 * page) stays below 1 % of a sample.
 */
const MIN_SAMPLE_MS = 1;
/** Threads of the rival measured before may spin for some milliseconds after their last run. */
const SETTLE_MS = 20;
const MIN_WARM_RUNS = 2;

export class Host {
  readonly #environment: Environment;
  readonly #read: (address: string) => Promise<Uint8Array>;
  readonly #find: (name: string) => Rival;
  readonly #runs = new Map<number, () => Promise<Elements>>();
  readonly #renewals = new Map<number, () => Promise<void>>();

  constructor(
    environment: Environment,
    read: (address: string) => Promise<Uint8Array>,
    find: (name: string) => Rival,
  ) {
    this.#environment = environment;
    this.#read = read;
    this.#find = find;
  }

  /** @throws what the rival throws for a model that it cannot run */
  async open(id: number, { rival, modelAt, inputAt, input, threads }: Job): Promise<Opened> {
    const model = await this.#read(modelAt);
    const data = viewInput(input.dtype, await this.#read(inputAt));
    const start = performance.now();
    const session = await this.#find(rival).open({
      environment: this.#environment,
      model,
      input: { ...input, data },
      threads,
    });
    const openMs = performance.now() - start;
    const output = await session.run();
    this.#runs.set(id, () => session.run());
    // Every run copies the input in: what is written here is what the next run reads.
    this.#renewals.set(id, async () =>
      data.set(viewInput(input.dtype, await this.#read(inputAt)) as typeof data),
    );
    return {
      openMs,
      output: toNumbers(output),
      outputIs: output instanceof Float32Array ? "reals" : "codes",
      note: session.note ?? "",
    };
  }

  /** Reads the input again and runs once. */
  async answer(id: number): Promise<number[]> {
    await this.#renewals.get(id)!();
    return toNumbers(await this.#runs.get(id)!());
  }

  /** Milliseconds per inference, one figure per sample. */
  async measure(id: number, { warmMs, recordMs }: MeasureOptions): Promise<number[]> {
    const run = this.#runs.get(id)!;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    let runs = 0;
    const warmStart = performance.now();
    while (runs < MIN_WARM_RUNS || performance.now() - warmStart < warmMs) {
      await run();
      runs++;
    }
    const runMs = (performance.now() - warmStart) / runs;
    const perSample = Math.max(1, Math.ceil(MIN_SAMPLE_MS / runMs));
    const samples: number[] = [];
    const recordStart = performance.now();
    do {
      const start = performance.now();
      for (let i = 0; i < perSample; i++) await run();
      samples.push((performance.now() - start) / perSample);
    } while (performance.now() - recordStart < recordMs);
    return samples;
  }
}

function toNumbers(elements: Elements): number[] {
  return Array.from(elements as ArrayLike<number>, Number);
}

function viewInput(dtype: Input["dtype"], bytes: Uint8Array): Input["data"] {
  const { buffer } = bytes.slice();
  if (dtype === "float32") return new Float32Array(buffer);
  return dtype === "int8" ? new Int8Array(buffer) : new Uint8Array(buffer);
}
