/** Minifloat arrays equal to `reference()`: every code, every vector, rounding edges, tails, tiles. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  bfloat16,
  float16,
  float32,
  float4_e2m1fn,
  float6_e3m2fn,
  float8_e3m4,
  float8_e4m3fn,
  float8_e8m0fnu,
  formats,
  isMinifloat,
  minifloat,
  type Minifloat,
} from "../../src/formats/index.ts";
import { decodeKernelOf, encodeKernelOf } from "../../src/kernels/index.ts";
import { decodeMinifloat, encodeMinifloat } from "../../src/operators/index.ts";
import { perTensor } from "../../src/quantization/index.ts";
import { packBits, type TensorType } from "../../src/tensor/index.ts";
import { sharedPath } from "../shared.ts";
import { expectReference } from "./against-reference.ts";
import { nodeGraph, randomSource, runGraph } from "./runner.ts";

const extra = [
  minifloat({ exponentBits: 2, mantissaBits: 5 }),
  minifloat({ exponentBits: 6, mantissaBits: 1 }),
  minifloat({ exponentBits: 4, mantissaBits: 3, bias: 20 }),
  minifloat({ exponentBits: 4, mantissaBits: 1 }),
  minifloat({ exponentBits: 3, mantissaBits: 0 }),
];
const rows = [...[...formats.values()].filter(isMinifloat), ...extra];
const decoded = rows.filter((format) => decodeKernelOf(format) !== undefined);
const encoded = rows.filter((format) => encodeKernelOf(format) !== undefined);

const sizes = [1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 48, 100];

function typeOf(format: Minifloat, count: number, scale = 1): TensorType {
  const type = { format, shape: [count] };
  return scale === 1 ? type : { ...type, quantization: perTensor(scale, 0) };
}

function decodeGraph(format: Minifloat, count: number, scale = 1) {
  return nodeGraph(
    decodeMinifloat,
    {},
    [typeOf(format, count, scale)],
    [{ format: float32, shape: [] }],
  );
}

function encodeGraph(format: Minifloat, count: number, saturates: boolean, scale = 1) {
  return nodeGraph(
    encodeMinifloat,
    { saturates },
    [{ format: float32, shape: [count] }],
    [typeOf(format, 0, scale)],
  );
}

function stored(format: Minifloat, codes: Uint8Array | Uint16Array): Uint8Array | Uint16Array {
  if (format.bits > 8) return Uint16Array.from(codes);
  return format.bits === 8 ? Uint8Array.from(codes) : packBits(format, codes);
}

/** Every value, every midpoint, both float32 neighbours of each, and what lies at the ends. */
function edges({ decode, maxCode, max, smallest }: Minifloat): Float32Array {
  const values = [0, smallest / 2, smallest / 4, 2 ** -149, 2 ** -126, 3.4e38, Infinity, NaN];
  for (let code = 0; code <= maxCode; code++) {
    const value = decode(code);
    values.push(value, (value + (code === maxCode ? max * 1.5 : decode(code + 1))) / 2);
  }
  const bits = values.map((value) => float32.encode(value));
  const all = bits.flatMap((pattern) => {
    const near = Number.isNaN(float32.decode(pattern)) ? [pattern] : [pattern, pattern + 1];
    if (pattern > 0 && pattern < 0x7f800000) near.push(pattern - 1);
    return near.flatMap((each) => [each, (each | 0x80000000) >>> 0]);
  });
  return new Float32Array(Uint32Array.from(all).buffer);
}

describe("minifloat arrays", () => {
  it("have kernels for all named formats, but E8M0 is not encoded", () => {
    const named = [...formats.values()].filter(isMinifloat);
    expect(named.filter((format) => decodeKernelOf(format) === undefined)).toEqual([]);
    expect(named.filter((format) => encodeKernelOf(format) === undefined)).toEqual([
      float8_e8m0fnu,
    ]);
  });

  it.each(decoded)("of $name decode every code", async (format) => {
    const count = 2 ** format.bits * (format.bits > 8 ? 1 : 3);
    const codes = Uint16Array.from({ length: count }, (_, i) => (i * 37) % 2 ** format.bits);
    const kernels = [decodeKernelOf(format)!];
    const inputs = [stored(format, codes)];
    await expectReference(decodeGraph(format, count), { kernels, inputs });
    await expectReference(decodeGraph(format, count, 0.37), { kernels, inputs });
  });

  it.each(encoded)("of $name encode all that lies at an edge of rounding", async (format) => {
    const inputs = [edges(format)];
    const kernels = [encodeKernelOf(format)!];
    for (const saturates of [true, false]) {
      const graph = encodeGraph(format, inputs[0]!.length, saturates);
      await expectReference(graph, { kernels, inputs });
    }
    await expectReference(encodeGraph(format, inputs[0]!.length, true, 0.37), { kernels, inputs });
  });

  it.each([float16, float8_e4m3fn, float6_e3m2fn, float4_e2m1fn])(
    "of $name end anywhere",
    async (format) => {
      const random = randomSource(format.bits);
      for (const size of sizes) {
        const codes = Uint16Array.from({ length: size }, () => random() * 2 ** format.bits);
        await expectReference(decodeGraph(format, size), { inputs: [stored(format, codes)] });
        const values = Float32Array.from({ length: size }, () => (random() - 0.5) * 10);
        await expectReference(encodeGraph(format, size, true), { inputs: [values] });
      }
    },
  );

  it("are cut into tiles", async () => {
    const random = randomSource(1);
    for (const format of [bfloat16, float8_e3m4, float6_e3m2fn, float4_e2m1fn]) {
      const count = 100_003;
      const codes = Uint16Array.from({ length: count }, () => random() * 2 ** format.bits);
      const inputs = [stored(format, codes)];
      await expectReference(decodeGraph(format, count), { inputs, threads: true });
      const values = [Float32Array.from({ length: count }, () => (random() - 0.5) * 40)];
      await expectReference(encodeGraph(format, count, true), { inputs: values, threads: true });
    }
  });

  it("of formats beyond the kernels run the reference", async () => {
    const graph = decodeGraph(minifloat({ exponentBits: 2, mantissaBits: 5 }), 256);
    const inputs = [Uint8Array.from({ length: 256 }, (_, i) => i)];
    await expectReference(graph, { kernels: ["reference"], inputs });
    await expectReference(encodeGraph(float8_e8m0fnu, 3, true), {
      kernels: ["reference"],
      inputs: [Float32Array.of(0.3, 1e-45, -1)],
    });
  });
});

const vectorFile = sharedPath("golden", "formats", "ml_dtypes_vectors.json");

describe.skipIf(vectorFile === undefined)("the vectors of ml_dtypes", () => {
  const vectors = Object.entries(
    vectorFile === undefined
      ? {}
      : (JSON.parse(readFileSync(vectorFile, "utf8")) as Record<
          string,
          { decode_f32_bits: number[]; encode_rne_default: [bits: number, code: number][] }
        >),
  ).filter(([name]) => !name.startsWith("_"));

  it.each(vectors)("of %s come out of the kernels bit for bit", async (name, expected) => {
    const format = formats.get(name) as Minifloat;
    const codes = Uint16Array.from(expected.decode_f32_bits, (_, code) => code);
    const run = await runGraph(decodeGraph(format, codes.length), [stored(format, codes)]);
    const words = new Uint32Array(run.outputs[0]!.buffer);
    // Ours is the one NaN, whatever the sign of the code.
    const canonical = expected.decode_f32_bits.map((bits) =>
      Number.isNaN(float32.decode(bits)) ? 0x7fc00000 : bits,
    );
    expect([...words]).toEqual(canonical);
    if (encodeKernelOf(format) === undefined) return;
    const pairs = expected.encode_rne_default;
    const bits = Uint32Array.from(pairs, ([pattern]) => pattern);
    const result = await runGraph(encodeGraph(format, pairs.length, false), [
      new Float32Array(bits.buffer),
    ]);
    const packed = stored(
      format,
      Uint8Array.from(pairs, ([, code]) => code),
    );
    expect([...result.outputs[0]!]).toEqual([...packed]);
  });
});
