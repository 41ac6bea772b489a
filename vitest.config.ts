import { defineConfig } from "vitest/config";

/** Looks at what the other tests did. */
const LAST = "test/kernels/coverage.test.ts";

export default defineConfig({
  test: {
    pool: "forks",
    // The memory test collects before it measures.
    execArgv: ["--expose-gc"],
    // Pools of worker threads, browsers and whole networks run inside the tests.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    globalSetup: "test/kernels/log.ts",
    projects: [
      {
        extends: true,
        test: {
          name: "tests",
          include: ["test/**/*.test.ts"],
          exclude: [LAST],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: "last", include: [LAST], sequence: { groupOrder: 1 } },
      },
    ],
  },
});
