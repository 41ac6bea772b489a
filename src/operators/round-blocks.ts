/**
 * RoundBlocks: float32 values to the numbers of an OCP Microscaling format that are nearest to them, as
 * float32. Blocks of 32 lie along the last axis, the channels of a pixel, the last of them short; the scale
 * of a block comes from the values themselves (`src/quantization/block.ts`), so nothing is calibrated.
 */
import { ModelError } from "../errors.ts";
import {
  type BlockFormat,
  blockFormats,
  type BlockFormatName,
  nearestBlocks,
} from "../quantization/index.ts";
import { checkCounts, checkFormat, outputType, requireInput } from "./checks.ts";
import type { Operator } from "./operator.ts";

export interface RoundBlocksAttributes {
  readonly format: BlockFormatName;
}

/** @throws ModelError a name of no block format */
export function blockFormatOf({ format }: RoundBlocksAttributes): BlockFormat {
  const row = blockFormats.get(format);
  if (row === undefined) throw new ModelError(`expected a block format, got "${format}"`);
  return row;
}

export const roundBlocks: Operator<RoundBlocksAttributes> = {
  name: "RoundBlocks",
  infer(inputs, attributes, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "values");
    checkFormat(x, ["float32"], "input");
    checkFormat(declared[0]!, ["float32"], "output");
    blockFormatOf(attributes);
    return [outputType(declared[0]!, x.shape)];
  },
  reference([x], attributes, { outputs }) {
    const type = outputs[0]!;
    const depth = type.shape.at(-1) ?? 1;
    return [
      { type, data: nearestBlocks(blockFormatOf(attributes), x!.data as Float32Array, depth) },
    ];
  },
};
