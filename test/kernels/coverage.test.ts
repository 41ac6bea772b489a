/**
 * Runs after all other tests (vitest.config.ts). What needs ../shared does not count: a stranger's clone
 * covers every kernel, too.
 */
import { expect, test } from "vitest";
import { kernelTable } from "../../src/kernels/index.ts";
import { isMaddFused, relaxedDotClass } from "../../src/wasm/index.ts";
import { notedKernels } from "./noted-kernels.ts";

const noted = notedKernels();

/** Rows that this machine can be trusted with. */
const canDot = ["usdot", "sdot"].includes(relaxedDotClass());
const isSigned = relaxedDotClass() === "sdot";
const isFused = isMaddFused();
const testable = [...kernelTable.values()].filter(
  ({ isa, name }) =>
    isa === "simd128" ||
    (canDot && !(isSigned && name.includes("_s8_")) && (isFused || !name.includes("_6x8c1_"))),
);

test.skipIf(noted === undefined)("every row of the kernel table has run in a test", () => {
  expect(testable.map(({ name }) => name).filter((name) => !noted!.has(name))).toEqual([]);
});
