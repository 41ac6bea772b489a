/**
 * Headless Chromium with one page per network, which holds every rival that runs there. The page is
 * cross-origin isolated: it may use threads, and its clock has steps of 5 µs.
 */
import { spawnSync } from "node:child_process";
import { type Browser, chromium, type Page } from "playwright-core";
import type { Rival } from "../rival.ts";
import type { Contender } from "./contender.ts";
import { bundleForPage, type PageServer, servePage } from "./page-server.ts";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The browser on the PATH, or undefined. */
export function findChromium(): string | undefined {
  const { stdout } = spawnSync("which", ["chromium"], { encoding: "utf8" });
  return stdout.trim() || undefined;
}

export interface PageContender extends Contender {
  /** The output for what now lies in the job's input file. */
  answer(): Promise<number[]>;
}

export class Chromium {
  readonly version: string;
  readonly #browser: Browser;
  readonly #server: PageServer;
  #page: Promise<Page> | undefined;
  #nextId = 0;

  private constructor(browser: Browser, server: PageServer) {
    this.version = browser.version();
    this.#browser = browser;
    this.#server = server;
  }

  static async launch(executablePath: string, rivals: readonly Rival[]): Promise<Chromium> {
    const server = await servePage(await bundleForPage(rivals));
    const browser = await chromium.launch({ executablePath, args: FLAGS, headless: true });
    return new Chromium(browser, server);
  }

  contender(rival: Rival): PageContender {
    const id = this.#nextId++;
    return {
      rival,
      host: "chromium",
      label: rival.name,
      open: async (job) => {
        const page = await this.#currentPage();
        const modelAt = this.#server.share(job.modelAt);
        const inPage = { ...job, modelAt, inputAt: this.#server.share(job.inputAt) };
        return page.evaluate(([key, task]) => window.host.open(key, task), [id, inPage] as const);
      },
      measure: async (options) => {
        const page = await this.#currentPage();
        return page.evaluate(([key, how]) => window.host.measure(key, how), [id, options] as const);
      },
      answer: async () => {
        const page = await this.#currentPage();
        return page.evaluate((key) => window.host.answer(key), id);
      },
      close: () => this.#closePage(),
    };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.close();
  }

  #currentPage(): Promise<Page> {
    this.#page ??= this.#openPage();
    return this.#page;
  }

  async #openPage(): Promise<Page> {
    const page = await this.#browser.newPage();
    await page.goto(this.#server.origin);
    await page.waitForFunction(() => "host" in window);
    if (!(await page.evaluate(() => crossOriginIsolated))) {
      throw new Error("expected a cross-origin isolated page");
    }
    return page;
  }

  async #closePage(): Promise<void> {
    const page = await this.#page;
    this.#page = undefined;
    await page?.close();
  }
}
