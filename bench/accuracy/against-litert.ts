/**
 * The same samples through LiteRT.js in Chromium: TFLite with XNNPACK, compiled to WebAssembly. An
 * answer of TFLite that nobody had to record. It takes no int8 inputs.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sample } from "../../src/cli/datasets/dataset.ts";
import { isCorrect, largestIndex } from "../../src/cli/datasets/top1.ts";
import { planModel } from "../../src/index.ts";
import { Chromium, findChromium } from "../rivals/harness/chromium.ts";
import { installedVersion } from "../rivals/harness/machine.ts";
import type { Input } from "../rivals/rival.ts";
import { litert } from "../rivals/litert.ts";
import { answers } from "./answers.ts";
import type { Network } from "./networks.ts";

export interface Comparison {
  readonly samples: number;
  /** Samples whose largest output is their label: bitlane's and LiteRT's. */
  readonly correct: number;
  readonly theirCorrect: number;
  /** Samples with the same largest output in both. */
  readonly sameTop1: number;
  readonly values: number;
  /** Values that are not equal. */
  readonly different: number;
  /** Codes: steps. Floats: relative to the largest output. */
  readonly largestDifference: number;
  readonly isFloat: boolean;
}

export class LiteRt {
  readonly chromiumVersion: string;
  readonly #chromium: Chromium;
  readonly #folder = mkdtempSync(join(tmpdir(), "bitlane-accuracy-"));

  private constructor(chromium: Chromium) {
    this.#chromium = chromium;
    this.chromiumVersion = chromium.version;
  }

  /** @throws Error for a missing browser or package */
  static async start(): Promise<LiteRt> {
    const path = findChromium();
    if (path === undefined) throw new Error("expected `chromium` on the PATH");
    if (installedVersion(litert) === undefined) {
      throw new Error("expected LiteRT.js: npm install --prefix bench --ignore-scripts");
    }
    return new LiteRt(await Chromium.launch(path, [litert]));
  }

  async close(): Promise<void> {
    await this.#chromium.close();
    rmSync(this.#folder, { recursive: true });
  }

  /** Or why LiteRT.js cannot take the network. */
  async compare(
    folder: string,
    network: Network,
    samples: readonly Sample[],
  ): Promise<Comparison | string> {
    const modelAt = join(folder, network.model);
    const { graph } = await planModel(modelAt);
    const { format, shape } = graph.values[graph.inputs[0]!]!.type;
    if (format.name === "int8") return "it takes no int8";
    const input = { dtype: format.name as Input["dtype"], shape, scale: 1, zeroPoint: 0 };
    const contender = this.#chromium.contender(litert);
    const inputAt = join(this.#folder, "input");
    const sums = { correct: 0, theirCorrect: 0, sameTop1: 0, values: 0, different: 0 };
    let largestDifference = 0;
    let isFloat = false;
    let isOpen = false;
    try {
      for await (const answer of answers(folder, network, samples, { threads: 1 })) {
        const { buffer, byteOffset, byteLength } = answer.input;
        writeFileSync(inputAt, new Uint8Array(buffer, byteOffset, byteLength));
        if (!isOpen) {
          try {
            await contender.open({ rival: litert.name, modelAt, inputAt, input, threads: 1 });
          } catch (error) {
            return String(error).split("\n")[0]!;
          }
          isOpen = true;
        }
        const theirs = await contender.answer();
        const ours = Array.from(answer.output as ArrayLike<number>);
        if (theirs.length !== ours.length) {
          throw new Error(
            `${network.model}: expected ${ours.length} outputs, got ${theirs.length}`,
          );
        }
        isFloat = answer.output instanceof Float32Array;
        sums.correct += Number(isCorrect(ours, answer.sample.label));
        sums.theirCorrect += Number(isCorrect(theirs, answer.sample.label));
        sums.sameTop1 += Number(largestIndex(ours) === largestIndex(theirs));
        sums.values += ours.length;
        sums.different += ours.filter((value, i) => value !== theirs[i]).length;
        const distance = Math.max(...ours.map((value, i) => Math.abs(value - theirs[i]!)));
        const unit = isFloat ? Math.max(...theirs.map(Math.abs)) : 1;
        largestDifference = Math.max(largestDifference, distance / unit);
      }
    } finally {
      await contender.close();
    }
    return { samples: samples.length, ...sums, largestDifference, isFloat };
  }
}
