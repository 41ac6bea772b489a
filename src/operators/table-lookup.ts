/**
 * TableLookup: y = table[x] on 8-bit codes. No file holds it: `fuseTables` makes it from functions of
 * one code.
 */
import { allocateTensor, type TensorType } from "../tensor/index.ts";
import { checkCounts, checkFormat, outputType, requireInput } from "./checks.ts";
import { lookUp, type TableOperator } from "./unary.ts";

export interface TableLookupAttributes {
  /** The output byte of each input byte. */
  readonly table: Uint8Array;
}

const FORMATS = ["int8", "uint8"];

export const tableLookup: TableOperator<TableLookupAttributes> = {
  name: "TableLookup",
  table: (_x, _y, { table }) => table,

  infer(inputs, _attributes, declared): TensorType[] {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "an input");
    const y = declared[0]!;
    checkFormat(x, FORMATS, "input");
    checkFormat(y, FORMATS, "output");
    return [outputType(y, x.shape)];
  },

  reference(inputs, { table }, { outputs }) {
    const y = allocateTensor(outputs[0]!);
    lookUp(inputs[0]!.data, table, y.data);
    return [y];
  },
};
