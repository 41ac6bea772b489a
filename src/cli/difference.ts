/** How far two tensors of one type are apart. */
import { InputError } from "../errors.ts";
import type { TensorData } from "../tensor/index.ts";

/** Integer outputs: how many codes differ, and by how many steps at most. */
export interface CodeDifference {
  readonly codes: number;
  readonly different: number;
  readonly maxLsb: number;
}

/**
 * Float outputs: largest |got − expected| over the largest finite |expected|. Infinity where only
 * one of two values is finite (JSON has no such number: null).
 */
export interface FloatDifference {
  readonly maxRelative: number;
}

/** @throws InputError for tensors of different classes or lengths */
export function compareTensors(
  got: TensorData,
  expected: TensorData,
): CodeDifference | FloatDifference {
  if (got.constructor !== expected.constructor || got.length !== expected.length) {
    const describe = (data: TensorData) => `${data.length} elements of ${data.constructor.name}`;
    throw new InputError(`expected ${describe(expected)}, got ${describe(got)}`);
  }
  return got instanceof Float32Array
    ? compareFloats(got, expected as Float32Array)
    : compareCodes(got, expected);
}

function compareCodes(got: TensorData, expected: TensorData): CodeDifference {
  let different = 0;
  let maxLsb = 0;
  for (let i = 0; i < got.length; i++) {
    if (got[i] === expected[i]) continue;
    different++;
    maxLsb = Math.max(maxLsb, Math.abs(Number(BigInt(got[i]!) - BigInt(expected[i]!))));
  }
  return { codes: got.length, different, maxLsb };
}

function compareFloats(got: Float32Array, expected: Float32Array): FloatDifference {
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < got.length; i++) {
    const a = got[i]!;
    const b = expected[i]!;
    if (Number.isFinite(b)) largest = Math.max(largest, Math.abs(b));
    if (Object.is(a, b) || a === b) continue;
    difference = Math.max(
      difference,
      Number.isFinite(a) && Number.isFinite(b) ? Math.abs(a - b) : Infinity,
    );
  }
  return { maxRelative: difference === 0 ? 0 : difference / largest };
}
