/** The export list: every export is a row of `src/kernels/table.ts`. */
export { copy_bytes } from "./move";
