/**
 * The package in headless Chromium, bundled by esbuild, under a strict content security policy: with
 * cross-origin isolation it runs on threads, without it on one, and gives Node's outputs either way.
 */
import { spawnSync } from "node:child_process";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { load, type LoadOptions } from "../../src/index.ts";
import { goldenNetworks, storedHashes } from "../model/networks.ts";
import type { PageResult } from "./page.ts";
import { hashOutputs } from "./run-network.ts";
import { sharedPath } from "../shared.ts";
import { bundlePage, serve, type Server } from "./server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const executablePath = spawnSync("which", ["chromium"], { encoding: "utf8" }).stdout.trim();

const mobilenet = sharedPath("models/imagenet/mobilenet_v2_int8_perchannel.tflite");

const NETWORKS = [
  {
    url: "/models/digits_int8.tflite",
    file: join(root, "models/digits_int8.tflite"),
    // Over before a second thread would have begun.
    useful: 1,
  },
  {
    url: "/models/digits_float.tflite",
    file: join(root, "models/digits_float.tflite"),
    useful: 2,
  },
  ...(mobilenet === undefined
    ? []
    : [{ url: `/shared-models/imagenet/${basename(mobilenet)}`, file: mobilenet, useful: 2 }]),
];

/** A network in FP8, its sums in FP16 1-6-9, rounded stochastically. */
const STOCHASTIC: LoadOptions = {
  weights: "float8_e5m2",
  activations: "float8_e5m2",
  accumulate: { format: "fp16_e6m9", chunk: 64, rounding: "stochastic", seed: 2018 },
};

/** What computes reals, with and without depthwise layers, and a sample of its inputs. */
const keywords = sharedPath("models/mlperf-tiny/kws_float.tflite");
const SUMMED = [
  { ...NETWORKS[1]!, inputs: 28 * 28 },
  ...(keywords === undefined
    ? []
    : [{ url: `/shared-models/mlperf-tiny/${basename(keywords)}`, file: keywords, inputs: 490 }]),
];

const GOLDEN_WAYS = [
  { threads: 1, rounding: "fp32" },
  { threads: 2, rounding: "fp32" },
  { threads: 2, rounding: "tflite-reference" },
] as const;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// Without Chromium there is nothing to test against, except in CI, which installs it.
describe.skipIf(executablePath === "" && process.env["CI"] === undefined)("in Chromium", () => {
  let browser: Browser;
  let files: Map<string, string>;

  beforeAll(async () => {
    files = await bundlePage();
    browser = await chromium.launch({ executablePath, args: FLAGS, headless: true });
  });

  afterAll(async () => browser?.close());

  describe.each([
    { name: "with cross-origin isolation", isolated: true, most: 2 },
    { name: "without cross-origin isolation", isolated: false, most: 1 },
  ])("$name", ({ isolated, most }) => {
    let server: Server;
    let page: Page;
    const problems: string[] = [];

    beforeAll(async () => {
      server = await serve(files, isolated);
      page = await browser.newPage();
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("console", (message) => problems.push(message.text()));
      await page.goto(server.origin);
      await page.waitForFunction(() => "runNetwork" in window);
    });

    afterAll(async () => {
      await page?.close();
      await server?.close();
    });

    const run = (url: string, threads: number, options?: LoadOptions): Promise<PageResult> =>
      page.evaluate(([address, count, how]) => window.runNetwork(address, count, how), [
        url,
        threads,
        options,
      ] as const);

    it.each(NETWORKS)("$url gives Node's outputs", async ({ url, file, useful }) => {
      const expected = await hashOutputs(await load(file, { threads: 1 }));
      for (const asked of [1, 2]) {
        const { hash, threads } = await run(url, asked);
        expect(hash, `${asked} threads asked`).toBe(expected);
        expect(threads).toBe(Math.min(asked, most, useful));
      }
      expect(problems).toEqual([]);
    });

    it.each(SUMMED)(
      "$url gives Node's outputs of stochastic sums",
      async ({ url, file, inputs }) => {
        // Their answers are reals: a sum that is rounded otherwise shows in them.
        const calibrate = [Float32Array.from({ length: inputs }, (_, i) => (i % 256) / 255)];
        const options = { ...STOCHASTIC, calibrate };
        const expected = await hashOutputs(await load(file, { ...options, threads: 1 }));
        const accumulate = { ...options.accumulate!, seed: 1 };
        const other = await hashOutputs(await load(file, { ...options, accumulate, threads: 1 }));
        expect(expected).not.toBe(other);
        for (const asked of [1, 2]) {
          expect((await run(url, asked, options)).hash).toBe(expected);
        }
        expect(problems).toEqual([]);
      },
    );

    // One load and run for each way that the page allows; Node's are in determinism.test.ts.
    it.skipIf(goldenNetworks().length === 0).each(isolated ? goldenNetworks() : [])(
      "$model gives the stored outputs",
      async ({ model, cases }) => {
        for (const options of GOLDEN_WAYS) {
          const hash = await page.evaluate(
            ([network, input, how]) => window.hashNetwork(network, input, how),
            [`/shared-models/${model}`, `/shared-golden/${cases[0]!.input.file}`, options] as const,
          );
          expect(hash, JSON.stringify(options)).toBe(storedHashes()[model]?.[options.rounding]);
        }
        expect(problems).toEqual([]);
      },
    );

    it(isolated ? "has threads" : "says why there are no threads", async () => {
      const { ableThreads, whyNoThreads } = await run(NETWORKS[0]!.url, 1);
      if (isolated) {
        expect(ableThreads).toBeGreaterThan(1);
        expect(whyNoThreads).toBe("");
      } else {
        expect(ableThreads).toBe(1);
        expect(whyNoThreads).toContain("cross-origin isolated");
      }
    });
  });
});
