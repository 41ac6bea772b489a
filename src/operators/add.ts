/** Add: a + b with broadcasting. */
import { addOperator } from "./add-sub.ts";

export const add = addOperator("Add", 1);
