/** Extents of products of rows with the rows of a matrix: FullyConnected, ChunkedMatMul. */
import { ShapeError } from "../errors.ts";
import { elementCount, type TensorType } from "../tensor/index.ts";
import { checkNotEmpty, checkRank, describe } from "./checks.ts";

/** Extents of the matrix product. */
export interface MatrixGeometry {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/** @throws ShapeError the elements of x are no multiple of the depth of w [N, K] */
export function fullyConnectedGeometry(x: TensorType, w: TensorType): MatrixGeometry {
  checkRank(w, 2, "weights");
  checkNotEmpty(w, "weights");
  const [columns, depth] = w.shape as [number, number];
  const rows = elementCount(x.shape) / depth;
  if (!Number.isInteger(rows) || rows === 0) {
    throw new ShapeError(`expected an input of rows of ${depth} values, got ${describe(x)}`);
  }
  return { rows, columns, depth };
}
