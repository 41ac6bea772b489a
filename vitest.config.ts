import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // The memory test collects before it measures.
    execArgv: ["--expose-gc"],
    // Pools of worker threads, browsers and whole networks run inside the tests.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
