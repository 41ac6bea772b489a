/** Rows of the operators that move values, resizing included. */
import { ModelError, UnsupportedError } from "../../errors.ts";
import * as op from "../../operators/index.ts";
import type { NodeReader } from "./node-reader.ts";
import * as o from "./options.ts";
import { type Fields, type NodeParts, NEEDS, type NamedRow, parts, plain, row } from "./row.ts";

export const movementRows: readonly NamedRow[] = [
  [
    "CONCATENATION",
    row([1, Infinity], o.concatenationOptions, (n) =>
      parts(n, op.concatenation, { axis: n.int32("axis"), activation: n.activation() }),
    ),
  ],
  ["PAD", row(2, o.padOptions, (n) => parts(n, op.pad, { paddings: n.pairs(1, "paddings") }, [0]))],
  [
    "PADV2",
    row(3, o.padV2Options, (n) => parts(n, op.pad, { paddings: n.pairs(1, "paddings") }, [0, 2])),
  ],
  [
    "RESHAPE",
    row([1, 2], o.reshapeOptions, (n) => parts(n, op.reshape, { shape: newShape(n) }, [0]), {
      optionalFrom: 1,
      takesOpaque: true,
    }),
  ],
  [
    "SQUEEZE",
    row(1, o.squeezeOptions, (n) => parts(n, op.squeeze, { axes: n.int32s("squeeze_dims") ?? [] })),
  ],
  [
    "EXPAND_DIMS",
    row(2, o.expandDimsOptions, (n) =>
      parts(n, op.expandDims, { axis: n.integer(1, "axis") }, [0]),
    ),
  ],
  [
    "TRANSPOSE",
    row(2, o.transposeOptions, (n) =>
      parts(n, op.transpose, { permutation: n.integers(1, "the permutation") }, [0]),
    ),
  ],
  [
    "SLICE",
    row(
      3,
      o.sliceOptions,
      (n) =>
        parts(n, op.slice, { begin: n.integers(1, "begin"), size: n.integers(2, "size") }, [0]),
      { takesOpaque: true },
    ),
  ],
  ["STRIDED_SLICE", row(4, o.stridedSliceOptions, stridedSlice, { takesOpaque: true })],
  [
    "SPLIT",
    row(
      2,
      o.splitOptions,
      (n) => {
        const splits = checkListed(
          n.int32("num_splits"),
          n.outputs.length,
          "num_splits",
          "outputs",
        );
        // In the file: axis, input.
        return parts(n, op.split, { axis: n.integer(0, "axis"), parts: splits }, [1]);
      },
      { needsOptions: true, outputs: [1, Infinity] },
    ),
  ],
  [
    "PACK",
    row(
      [1, Infinity],
      o.packOptions,
      (n) => {
        checkListed(n.int32("values_count"), n.inputs.length, "values_count", "inputs");
        return parts(n, op.pack, { axis: n.int32("axis") });
      },
      NEEDS,
    ),
  ],
  [
    "UNPACK",
    row(
      1,
      o.unpackOptions,
      (n) => {
        const count = checkListed(n.int32("num"), n.outputs.length, "num", "outputs");
        return parts(n, op.unpack, { axis: n.int32("axis"), parts: count });
      },
      { needsOptions: true, outputs: [0, Infinity] },
    ),
  ],
  [
    "GATHER",
    row(
      2,
      o.gatherOptions,
      (n) => parts(n, op.gather, { axis: n.int32("axis"), batchDims: n.int32("batch_dims") }),
      { takesOpaque: true },
    ),
  ],
  ["GATHER_ND", plain(2, op.gatherNd, o.gatherNdOptions, { takesOpaque: true })],
  [
    "RESIZE_BILINEAR",
    row(2, o.resizeBilinearOptions, (n) => parts(n, op.resizeBilinear, resizing(n), [0])),
  ],
  [
    "RESIZE_NEAREST_NEIGHBOR",
    row(2, o.resizeNearestNeighborOptions, (n) =>
      parts(n, op.resizeNearestNeighbor, resizing(n), [0]),
    ),
  ],
  [
    "SPACE_TO_DEPTH",
    row(
      1,
      o.spaceToDepthOptions,
      (n) => parts(n, op.spaceToDepth, { blockSize: n.int32("block_size") }),
      NEEDS,
    ),
  ],
  [
    "DEPTH_TO_SPACE",
    row(
      1,
      o.depthToSpaceOptions,
      (n) => parts(n, op.depthToSpace, { blockSize: n.int32("block_size") }),
      NEEDS,
    ),
  ],
];

function resizing(n: NodeReader<"align_corners" | "half_pixel_centers">) {
  const size = n.integers(1, "size");
  if (size.length !== 2) throw new ModelError(`expected a size of 2 numbers, got ${size.length}`);
  return {
    size: [size[0]!, size[1]!] as const,
    alignCorners: n.bool("align_corners"),
    halfPixelCenters: n.bool("half_pixel_centers"),
  };
}

/** The shape is input 1, or an option of older files, where [0] stood for a scalar. */
function newShape(n: Fields<typeof o.reshapeOptions>): number[] {
  if (n.inputs[1] !== undefined) return n.integers(1, "the new shape");
  const shape = n.int32s("new_shape");
  if (shape === undefined)
    throw new ModelError("expected a new shape as input 1 or option, got none");
  return shape.length === 1 && shape[0] === 0 ? [] : shape;
}

function stridedSlice(n: Fields<typeof o.stridedSliceOptions>): NodeParts {
  if (n.bool("offset")) throw new UnsupportedError("an end that counts from begin");
  return parts(
    n,
    op.stridedSlice,
    {
      begin: n.integers(1, "begin"),
      end: n.integers(2, "end"),
      strides: n.integers(3, "strides"),
      beginMask: n.int32("begin_mask"),
      endMask: n.int32("end_mask"),
      ellipsisMask: n.int32("ellipsis_mask"),
      newAxisMask: n.int32("new_axis_mask"),
      shrinkAxisMask: n.int32("shrink_axis_mask"),
    },
    [0],
  );
}

/** A count that the options state and the lists of the operator repeat. */
function checkListed(stated: number, listed: number, option: string, what: string): number {
  if (stated !== listed) {
    throw new ModelError(`${option}: expected ${listed} as there are ${what}, got ${stated}`);
  }
  return stated;
}
