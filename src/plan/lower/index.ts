/** Which lowering takes which operator. An operator that is not listed runs its `reference()`. */
import type { Lowering } from "./context.ts";

export * from "./context.ts";

export const lowerings: ReadonlyMap<string, Lowering> = new Map<string, Lowering>([]);
