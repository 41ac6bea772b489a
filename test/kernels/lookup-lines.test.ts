/** Tables as 16 lines and a bit for each entry. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linesOf } from "../../src/kernels/index.ts";
import { int8 } from "../../src/formats/index.ts";
import { tableLookup } from "../../src/operators/index.ts";
import { perTensor } from "../../src/quantization/index.ts";
import { expectReference } from "./against-reference.ts";
import { nodeGraph } from "./runner.ts";

const EVERY_CODE = Int8Array.from({ length: 256 }, (_, i) => i);

function graphOf(table: Uint8Array) {
  const type = { format: int8, shape: [256], quantization: perTensor(0.1, 0) };
  return nodeGraph(tableLookup, { table }, [type], [type]);
}

const segments = fc.array(
  fc.record({
    base: fc.integer({ min: 0, max: 255 }),
    slope: fc.integer({ min: -128, max: 127 }),
    rest: fc.integer({ min: 0, max: 0xffff }),
  }),
  { minLength: 16, maxLength: 16 },
);

describe("a table of 16 lines", () => {
  it("is looked up without a memory access, whatever lines and bits it has", () =>
    fc.assert(
      fc.asyncProperty(segments, async (lines) => {
        const table = Uint8Array.from({ length: 256 }, (_, code) => {
          const { base, slope, rest } = lines[code >> 4]!;
          const l = code & 15;
          return base + ((slope * l + 8) >> 4) + ((rest >> l) & 1);
        });
        expect(linesOf(table)).toBeDefined();
        for (const forced of ["lookup_8_lines", "lookup_8_lines_relaxed"]) {
          const expectation = { kernels: [forced], forced, inputs: [EVERY_CODE] };
          await expectReference(graphOf(table), expectation);
        }
      }),
      { numRuns: 40 },
    ));

  it("may wrap around: entries are bytes, not numbers", () => {
    expect(linesOf(Uint8Array.from({ length: 256 }, (_, i) => i + 77))).toBeDefined();
    expect(linesOf(Uint8Array.from({ length: 256 }, (_, i) => 5 - 3 * i))).toBeDefined();
  });
});

describe("any other table", () => {
  it("is looked up in memory", async () => {
    const table = Uint8Array.from({ length: 256 }, (_, i) => i);
    table[100] = 103;
    expect(linesOf(table)).toBeUndefined();
    await expectReference(graphOf(table), { kernels: ["lookup_8"], inputs: [EVERY_CODE] });
  });
});
