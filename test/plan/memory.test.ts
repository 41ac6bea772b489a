import fc from "fast-check";
import { expect, test } from "vitest";
import { planModel } from "../../src/model/index.ts";
import { ARENA_ALIGNMENT, planArena } from "../../src/plan/index.ts";
import { goldenNetworks, networkPath } from "../model/networks.ts";

const interval = fc
  .tuple(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: -1, max: 40 }), fc.nat(12))
  .map(([sizeBytes, firstStep, span]) => ({ sizeBytes, firstStep, lastStep: firstStep + span }));

test("buffers that live at the same step never share a byte", () => {
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 40 }), (buffers) => {
      const { offsets, arenaBytes, lowerBound } = planArena(buffers);
      expect(arenaBytes).toBeGreaterThanOrEqual(lowerBound);
      buffers.forEach((a, i) => {
        expect(offsets[i]! % ARENA_ALIGNMENT).toBe(0);
        expect(offsets[i]! + a.sizeBytes).toBeLessThanOrEqual(arenaBytes);
        for (let j = 0; j < i; j++) {
          const b = buffers[j]!;
          const together = a.firstStep <= b.lastStep && b.firstStep <= a.lastStep;
          const apart =
            offsets[i]! + a.sizeBytes <= offsets[j]! || offsets[j]! + b.sizeBytes <= offsets[i]!;
          expect(!together || apart).toBe(true);
        }
      });
    }),
  );
});

test("a chain of layers needs no more than its two largest neighbours", () => {
  const sizes = [64, 6400, 3200, 12800, 640, 64];
  const buffers = sizes.map((sizeBytes, i) => ({ sizeBytes, firstStep: i - 1, lastStep: i }));
  const { arenaBytes, lowerBound } = planArena(buffers);
  expect(lowerBound).toBe(3200 + 12800);
  expect(arenaBytes).toBe(lowerBound);
});

test("no buffers need no arena", () => {
  expect(planArena([])).toEqual({ offsets: [], arenaBytes: 0, lowerBound: 0 });
});

const networks = goldenNetworks();
test.skipIf(networks.length === 0).for(networks.map(({ model }) => model))(
  "the arena of %s is at most 1.15 times the bytes that live together",
  async (model) => {
    const { plan } = await planModel(networkPath(model));
    expect(plan.arenaLowerBound).toBeGreaterThan(0);
    expect(plan.arenaBytes / plan.arenaLowerBound).toBeLessThanOrEqual(1.15);
  },
);
