/**
 * The package in headless Chromium, bundled by esbuild, under a strict content security policy: with
 * cross-origin isolation it runs on threads, without it on one, and gives Node's outputs either way.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { load } from "../../src/index.ts";
import type { PageResult } from "./page.ts";
import { hashOutputs } from "./run-network.ts";
import { bundlePage, serve, type Server } from "./server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const executablePath = spawnSync("which", ["chromium"], { encoding: "utf8" }).stdout.trim();

const NETWORKS = [
  { url: "/models/digits_int8.tflite", file: join(root, "models/digits_int8.tflite") },
  { url: "/models/digits_float.tflite", file: join(root, "models/digits_float.tflite") },
  {
    url: "/shared-models/imagenet/mobilenet_v2_int8_perchannel.tflite",
    file: join(root, "../shared/models/imagenet/mobilenet_v2_int8_perchannel.tflite"),
  },
].filter(({ file }) => existsSync(file) || process.env["CI"] !== undefined);

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
    { name: "with cross-origin isolation", isolated: true, threadCounts: [1, 2] },
    { name: "without cross-origin isolation", isolated: false, threadCounts: [1] },
  ])("$name", ({ isolated, threadCounts }) => {
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

    const run = (url: string, threads: number): Promise<PageResult> =>
      page.evaluate(([address, count]) => window.runNetwork(address, count), [
        url,
        threads,
      ] as const);

    it.each(NETWORKS)("$url gives Node's outputs", async ({ url, file }) => {
      const expected = await hashOutputs(await load(file, { threads: 1 }));
      for (const threads of threadCounts) {
        expect((await run(url, threads)).hash, `${threads} threads`).toBe(expected);
      }
      expect(problems).toEqual([]);
    });

    it(isolated ? "has threads" : "says why there are no threads", async () => {
      const { threads, whyNoThreads } = await run(NETWORKS[0]!.url, 1);
      if (isolated) {
        expect(threads).toBeGreaterThan(1);
        expect(whyNoThreads).toBe("");
      } else {
        expect(threads).toBe(1);
        expect(whyNoThreads).toContain("cross-origin isolated");
      }
    });
  });
});
