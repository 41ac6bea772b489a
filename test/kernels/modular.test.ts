import { describe, expect, it } from "vitest";
import { leastInRange } from "../../src/kernels/index.ts";
import { randomSource } from "./runner.ts";

function bySearch(a: number, m: number, low: number, high: number): number | undefined {
  for (let x = 0; x < m; x++) {
    const rest = (a * x) % m;
    if (rest >= low && rest <= high) return x;
  }
  return undefined;
}

describe("the least multiple in a range", () => {
  it("is the one that a search finds", () => {
    const random = randomSource(3);
    const below = (n: number): number => Math.floor(random() * n);
    for (let i = 0; i < 4000; i++) {
      const m = 2 + below(i % 2 === 0 ? 40 : 900);
      const low = 1 + below(m - 1);
      const high = low + below(Math.min(m - low, 1 + below(m)));
      const a = below(m);
      expect(leastInRange(a, m, low, high)).toBe(bySearch(a, m, low, high));
    }
  });
});
