/** Kernels that move elements, each equal to the `reference()` of the operators that use it. */
import { describe, expect, it } from "vitest";
import {
  bool,
  float32,
  type Format,
  int16,
  int32,
  int64,
  int8,
  uint8,
} from "../../src/formats/index.ts";
import {
  concatenation,
  depthToSpace,
  expandDims,
  gather,
  gatherNd,
  type Operator,
  pack,
  pad,
  reshape,
  resizeNearestNeighbor,
  slice,
  spaceToDepth,
  split,
  squeeze,
  stridedSlice,
  transpose,
  unpack,
} from "../../src/operators/index.ts";
import { perTensor } from "../../src/quantization/index.ts";
import type { Shape, Tensor, TensorType } from "../../src/tensor/index.ts";
import { expectReference } from "./against-reference.ts";
import { kernelsOf, nodeGraph, runGraph } from "./runner.ts";

const formats: readonly Format[] = [int8, int16, float32, int64];

function tensor(shape: Shape, format: Format = int8): TensorType {
  return { format, shape };
}

function constant(shape: Shape, values: readonly number[]): Tensor {
  return { type: { format: int32, shape }, data: Int32Array.from(values) };
}

/** A graph with one input of each shape and `outputs` results of the same format. */
function graphOf<A>(
  operator: Operator<A>,
  attributes: A,
  shapes: readonly Shape[],
  format: Format = int8,
  outputs = 1,
) {
  return nodeGraph(
    operator,
    attributes,
    shapes.map((shape) => tensor(shape, format)),
    Array.from({ length: outputs }, () => tensor([], format)),
  );
}

describe("copies of contiguous rows", () => {
  // Around every step of a copy: 1, 2, 4, 8, 16 bytes, two vectors, and the engine's own copy.
  const rows = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 511, 512, 513];

  it.each(rows)("move rows of %i bytes", async (run) => {
    const attributes = { axis: 2, activation: "none" } as const;
    const graph = graphOf(concatenation, attributes, [
      [2, 3, run],
      [2, 3, 5],
    ]);
    // A row of one element is an element.
    const kernel = run === 1 ? "copy_elements_8" : "copy_runs";
    await expectReference(graph, { kernels: [kernel, "copy_runs"] });
  });

  it.each(formats)("move elements of $name", async (format) => {
    const graph = graphOf(slice, { begin: [0, 1, 2], size: [2, 3, -1] }, [[2, 5, 9]], format);
    await expectReference(graph, { kernels: ["copy_runs"] });
  });

  it("are one copy where the rows touch", async () => {
    const axisOf = (axis: number) => ({ axis, activation: "none" }) as const;
    const shapes = [
      [3, 4, 5],
      [2, 4, 5],
    ];
    const twoCopies = { kernels: ["copy_bytes", "copy_bytes"] };
    await expectReference(graphOf(concatenation, axisOf(0), shapes), twoCopies);
    await expectReference(graphOf(unpack, { axis: 0, parts: 2 }, [[2, 17]], int16, 2), twoCopies);
    await expectReference(graphOf(pack, { axis: 0 }, [[17], [17]], float32), twoCopies);
  });

  it("take several tiles when they are long", async () => {
    const graph = graphOf(slice, { begin: [1], size: [-1] }, [[1_500_001]]);
    const { plan } = await runGraph(graph, [new Int8Array(1_500_001)]);
    expect(plan.steps[0]).toMatchObject({ kernel: "copy_bytes", tiles: 6 });
    await expectReference(graph, { kernels: ["copy_bytes"], threads: true });
    const rows = graphOf(split, { axis: 1, parts: 2 }, [[3001, 600]], int8, 2);
    await expectReference(rows, { kernels: ["copy_runs", "copy_runs"], threads: true });
  });

  it("move blocks of pixels to channels and back", async () => {
    for (const format of formats) {
      const there = graphOf(spaceToDepth, { blockSize: 2 }, [[2, 4, 6, 3]], format);
      await expectReference(there, { kernels: ["copy_runs"] });
      const back = graphOf(depthToSpace, { blockSize: 3 }, [[2, 4, 5, 18]], format);
      await expectReference(back, { kernels: ["copy_runs"] });
    }
  });
});

describe("strided copies", () => {
  const entry = {
    beginMask: 0,
    endMask: 0,
    ellipsisMask: 0,
    newAxisMask: 0,
    shrinkAxisMask: 0,
  };

  it.each(formats)("go backwards and in steps over $name", async (format) => {
    const attributes = { ...entry, begin: [-1, 1, -2], end: [-9, 6, 0], strides: [-2, 2, -3] };
    const graph = graphOf(stridedSlice, attributes, [[5, 7, 11]], format);
    await expectReference(graph, { kernels: [`copy_elements_${format.bits}`] });
  });

  it("take six axes that do not join, and leave seven to the reference", async () => {
    const shape = [2, 3, 2, 3, 2, 3, 2];
    const attributes = (rank: number) => ({
      permutation: shape.slice(0, rank).map((_, i) => rank - 1 - i),
    });
    const six = graphOf(transpose, attributes(6), [shape.slice(0, 6)]);
    await expectReference(six, { kernels: ["copy_elements_8"] });
    const seven = graphOf(transpose, attributes(7), [shape]);
    await expectReference(seven, { kernels: ["reference"] });
  });

  it("map the codes of uint8 inputs with another scale", async () => {
    const quantized = (shape: Shape, scale: number, zeroPoint: number) => ({
      format: uint8,
      shape,
      quantization: perTensor(scale, zeroPoint),
    });
    const graph = nodeGraph(
      concatenation,
      { axis: 2, activation: "none" },
      [
        quantized([3, 5, 7], 0.02, 3),
        quantized([3, 5, 33], 0.011, 130),
        quantized([3, 5, 1], 0.5, 0),
      ],
      [quantized([], 0.02, 3)],
    );
    await expectReference(graph, { kernels: ["copy_runs", "map_bytes", "map_bytes"] });
  });
});

describe("transposition", () => {
  const swap = { permutation: [0, 2, 1] };

  it.each([
    [16, 16],
    [16, 17],
    [17, 16],
    [31, 33],
    [32, 48],
    [50, 16],
    [401, 377],
  ])("turns %i x %i bytes in blocks", async (height, width) => {
    const graph = graphOf(transpose, swap, [[3, height, width]]);
    await expectReference(graph, { kernels: ["transpose_8"], threads: height > 100 });
  });

  it.each([
    [4, 4],
    [4, 5],
    [5, 4],
    [7, 9],
    [130, 257],
  ])("turns %i x %i words in blocks", async (height, width) => {
    for (const format of [float32, int32]) {
      const graph = graphOf(transpose, swap, [[2, height, width]], format);
      await expectReference(graph, { kernels: ["transpose_32"], threads: height > 100 });
    }
  });

  it("goes element by element where a block does not fit", async () => {
    for (const format of formats) {
      const graph = graphOf(transpose, { permutation: [0, 3, 1, 2] }, [[2, 5, 6, 3]], format);
      await expectReference(graph, { kernels: [`copy_elements_${format.bits}`] });
    }
  });

  it("brings images from NHWC to NCHW and back", async () => {
    const there = graphOf(transpose, { permutation: [0, 3, 1, 2] }, [[2, 5, 7, 19]]);
    await expectReference(there, { kernels: ["transpose_8"] });
    const back = graphOf(transpose, { permutation: [0, 2, 3, 1] }, [[2, 19, 5, 7]]);
    await expectReference(back, { kernels: ["transpose_8"] });
  });

  it("of outer axes is a copy of rows", async () => {
    const graph = graphOf(transpose, { permutation: [1, 0, 2] }, [[5, 6, 7]], int16);
    await expectReference(graph, { kernels: ["copy_runs"] });
  });
});

describe("several tiles", () => {
  it("of elements, borders and tables give the same bytes", async () => {
    const turned = graphOf(transpose, { permutation: [1, 2, 0] }, [[3, 210, 190]]);
    await expectReference(turned, { kernels: ["copy_elements_8"], threads: true });
    const paddings = [
      [0, 0],
      [3, 5],
      [1, 2],
      [0, 0],
    ] as const;
    const padded = graphOf(pad, { paddings }, [[1, 130, 120, 40]]);
    await expectReference(padded, { kernels: ["pad_runs"], threads: true });
    const attributes = { size: [150, 170], alignCorners: false, halfPixelCenters: true } as const;
    const resized = graphOf(resizeNearestNeighbor, attributes, [[2, 40, 50, 16]]);
    await expectReference(resized, { kernels: ["gather_runs"], threads: true });
  });
});

describe("pad", () => {
  it.each([int8, uint8, int16, bool, float32, int64])("borders images of $name", async (format) => {
    const quantization = perTensor(0.5, format.bits === 8 ? 77 : 0);
    const type = (shape: Shape) =>
      format.kind === "float" || format.bits === 64 || format === bool
        ? { format, shape }
        : { format, shape, quantization };
    const graph = nodeGraph(
      pad,
      {
        paddings: [
          [0, 0],
          [1, 2],
          [3, 1],
          [0, 0],
        ],
      },
      [type([2, 3, 4, 5])],
      [type([])],
    );
    await expectReference(graph, { kernels: ["pad_runs"] });
  });

  // Borders around every step of a fill.
  it.each([0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 40])("fills rows by %i elements", async (amount) => {
    for (const format of formats) {
      const attributes = {
        paddings: [
          [amount, 1],
          [2, amount],
        ] as const,
      };
      const graph = graphOf(pad, attributes, [[3, 2], []], format);
      await expectReference(graph, { kernels: ["pad_runs"] });
    }
  });

  it("takes borders on four axes, and leaves five to the reference", async () => {
    const paddings = [
      [1, 0],
      [0, 2],
      [1, 1],
      [2, 0],
      [1, 1],
    ] as const;
    const four = graphOf(pad, { paddings: paddings.slice(1) }, [[2, 3, 2, 3]]);
    await expectReference(four, { kernels: ["pad_runs"] });
    const five = graphOf(pad, { paddings }, [[2, 2, 3, 2, 3]]);
    await expectReference(five, { kernels: ["reference"] });
  });

  it("of nothing is all border", async () => {
    const graph = graphOf(
      pad,
      {
        paddings: [
          [1, 1],
          [2, 1],
        ],
      },
      [[0, 3]],
    );
    await expectReference(graph, { kernels: ["pad_runs"] });
  });
});

describe("gathering by tables", () => {
  it.each(formats)("picks rows of $name by constant indices", async (format) => {
    const graph = nodeGraph(
      gather,
      { axis: 1, batchDims: 0 },
      [tensor([3, 5, 7], format), constant([2, 3], [4, 0, 0, 2, 1, 4])],
      [tensor([], format)],
    );
    await expectReference(graph, { kernels: ["gather_runs"] });
  });

  it("picks elements by constant tuples", async () => {
    const indices = constant([2, 2, 2], [0, 1, 2, 3, 1, 0, 2, 2]);
    const graph = nodeGraph(gatherNd, {}, [tensor([3, 4, 5], int16), indices], [tensor([], int16)]);
    await expectReference(graph, { kernels: ["gather_runs"] });
  });

  it("leaves indices of the run time to the reference", async () => {
    const graph = nodeGraph(
      gather,
      { axis: 0, batchDims: 0 },
      [tensor([5, 2]), tensor([3], int32)],
      [tensor([])],
    );
    const inputs = [Int8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), Int32Array.of(4, 0, 2)];
    await expectReference(graph, { kernels: ["reference"], inputs });
  });

  it.each([
    [1, 1, 1],
    [6, 10, 4],
    [7, 4, 17],
  ])("resizes to %i x %i pixels of %i channels", async (height, width, channels) => {
    for (const format of formats) {
      for (const [alignCorners, halfPixelCenters] of [
        [false, false],
        [true, false],
        [false, true],
      ] as const) {
        const attributes = { size: [height, width] as const, alignCorners, halfPixelCenters };
        const graph = graphOf(resizeNearestNeighbor, attributes, [[2, 3, 5, channels]], format);
        await expectReference(graph, { kernels: ["gather_runs"] });
      }
    }
  });
});

describe("the same elements under another shape", () => {
  it("need no step", async () => {
    const graphs = [
      graphOf(reshape, { shape: [3, -1] }, [[2, 6]]),
      graphOf(squeeze, { axes: [] }, [[1, 6, 1]]),
      graphOf(expandDims, { axis: -1 }, [[2, 6]]),
    ];
    for (const graph of graphs) await expectReference(graph, { kernels: [] });
  });

  it("are copied out of a constant", async () => {
    const graph = nodeGraph(
      reshape,
      { shape: [4] },
      [constant([2, 2], [1, 2, 3, 4])],
      [tensor([], int32)],
    );
    const { plan, outputs } = await runGraph(graph, []);
    expect(kernelsOf(plan)).toEqual(["copy_bytes"]);
    expect(outputs[0]).toEqual(Int32Array.of(1, 2, 3, 4));
  });
});
