/** Cast kernels equal to `reference()`, at the edges of every format. */
import { describe, it } from "vitest";
import { float32, type Format, int32, int64, int8, uint8 } from "../../src/formats/index.ts";
import { cast } from "../../src/operators/index.ts";
import type { TensorData } from "../../src/tensor/index.ts";
import { expectReference } from "./against-reference.ts";
import { nodeGraph } from "./runner.ts";

const floats = Float32Array.of(
  ...[0, -0, 0.5, -0.5, 0.99999994, -0.99999994, 1, -1, 1.5, -1.5, 126.9, 127, 127.5, 128],
  ...[-127.9, -128, -128.5, -129, 254.9, 255, 255.5, 256, 2147483520, 2147483648, -2147483648],
  ...[-2147483904, 3e9, 1e20, -1e20, 1e-40, NaN, Infinity, -Infinity],
);
const longs = BigInt64Array.from([
  ...[0n, 1n, -1n, 127n, 2147483647n, 2147483648n, -2147483649n, 4294967295n, 4294967296n],
  ...[2n ** 53n, 2n ** 53n + 1n, 2n ** 24n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 123456789012345n],
  // Ties in float32 that a detour over float64 would round the other way.
  ...[2n ** 60n + 2n ** 36n + 1n, -(2n ** 60n) - 2n ** 36n - 1n, 2n ** 60n + 2n ** 36n],
]);
const ints = Int32Array.of(0, 1, -1, 16777217, -16777217, 16777219, 2147483647, -2147483648);
const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
const signedBytes = Int8Array.from({ length: 256 }, (_, i) => i - 128);

const cases: readonly { name: string; from: Format; to: Format; data: TensorData }[] = [
  { name: "cast_i8_f32", from: int8, to: float32, data: signedBytes },
  { name: "cast_u8_f32", from: uint8, to: float32, data: bytes },
  { name: "cast_i32_f32", from: int32, to: float32, data: ints },
  { name: "cast_i64_f32", from: int64, to: float32, data: longs },
  { name: "cast_f32_i8", from: float32, to: int8, data: floats },
  { name: "cast_f32_u8", from: float32, to: uint8, data: floats },
  { name: "cast_f32_i32", from: float32, to: int32, data: floats },
  { name: "cast_i32_i64", from: int32, to: int64, data: ints },
  { name: "cast_i64_i32", from: int64, to: int32, data: longs },
];

describe.each(cases)("$name", ({ name, from, to, data }) => {
  it("equals the reference at the edges of both formats", async () => {
    const type = { format: from, shape: [data.length] };
    const graph = nodeGraph(cast, {}, [type], [{ format: to, shape: [] }]);
    await expectReference(graph, { kernels: [name], inputs: [data] });
  });

  it("equals the reference over several tiles", async () => {
    const type = { format: from, shape: [40_001] };
    const graph = nodeGraph(cast, {}, [type], [{ format: to, shape: [] }]);
    await expectReference(graph, { kernels: [name], threads: true });
  });
});
