import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { topologicalOrder } from "../../src/importers/tflite/order.ts";

/** For each index, some indices that stand before it in a random ranking. */
const acyclic = fc
  .array(fc.tuple(fc.nat(), fc.array(fc.nat(), { maxLength: 4 })), { maxLength: 30 })
  .map((entries) => {
    const ranking = entries.map((_, i) => i).sort((a, b) => entries[a]![0] - entries[b]![0]);
    return entries.map(([, picks], index) => {
      const rank = ranking.indexOf(index);
      return rank === 0 ? [] : picks.map((pick) => ranking[pick % rank]!);
    });
  });

describe("the topological order", () => {
  it("puts every index once, behind its predecessors", () => {
    fc.assert(
      fc.property(acyclic, (before) => {
        const result = topologicalOrder(before.length, (i) => before[i]!);
        if (!("order" in result)) throw new Error("expected an order, got a cycle");
        expect(result.order.toSorted((a, b) => a - b)).toEqual(before.map((_, i) => i));
        const position = new Map(result.order.map((index, i) => [index, i]));
        before.forEach((list, i) => {
          for (const j of list) expect(position.get(j)).toBeLessThan(position.get(i)!);
        });
      }),
    );
  });

  it("changes nothing that is in order already", () => {
    const before = [[], [0], [0], [2, 1], []];
    expect(topologicalOrder(5, (i) => before[i]!)).toEqual({ order: [0, 1, 2, 3, 4] });
  });

  it("names an index on a cycle", () => {
    const before = [[3], [0], [1], [1]];
    const result = topologicalOrder(4, (i) => before[i]!);
    expect("cycle" in result && [0, 1, 3]).toContain((result as { cycle: number }).cycle);
    expect(topologicalOrder(1, () => [0])).toEqual({ cycle: 0 });
  });
});
