/** Sub: a − b with broadcasting. */
import { type AddAttributes, addOperator } from "./add-sub.ts";

export type SubAttributes = AddAttributes;

export const sub = addOperator("Sub", -1);
