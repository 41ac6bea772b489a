/** The weights of a product as its kernel reads them, whatever their format: panels, and the fields that go with them. */
import type { GemmForm } from "../../kernels/index.ts";
import type { Pointer } from "../plan.ts";
import { advance, hasDot, type LowerContext, type Machine } from "./context.ts";

/** The weights and constants of a product, whatever their format: [columns][depth] and a bias. */
export interface GemmWeights {
  readonly form: GemmForm;
  readonly depth: number;
  /** Units of one packed row, and bytes from panel to panel. */
  readonly units: number;
  readonly panelBytes: number;
  /** Bytes that a panel takes behind its weights when it is freed, if they are many. */
  readonly freedTailBytes?: number;
  /** Bytes of an element of x and y. */
  readonly elementBytes: number;
  /** The byte of a border cell. */
  readonly border: number;
  /** Fields of `OutputParameters` but y. */
  readonly output: Readonly<Record<string, number>>;
  /** Fields that say how weights and activations below 8 bits are read. */
  readonly lowBit: Readonly<Record<string, number>>;
  /** Reads the weights and gives the function that writes panels: of columns [first, first + columns). */
  packer(): (target: Uint8Array, firstColumn: number, columns: number) => void;
}

/** Picks and orders the weights of a product: [columns][elements in w] → [columns][depth]. */
export type WeightOrder = <T extends Int8Array | Int16Array | Float32Array>(weights: T) => T;

/** Places the panels of columns [first, first + columns) of each of `groups` groups in one constant. */
export function addPanels(
  context: LowerContext,
  weights: GemmWeights,
  groups: number,
  columns: number,
): Pointer[] {
  const size = panelsBytes(weights, columns);
  const all = context.addConstant("panels", groups * size, (target) => {
    const pack = weights.packer();
    for (let group = 0; group < groups; group++) {
      pack(target.subarray(group * size, (group + 1) * size), group * columns, columns);
    }
  });
  return Array.from({ length: groups }, (_, group) => advance(all, group * size));
}

function panelsBytes(weights: GemmWeights, columns: number): number {
  return Math.ceil(columns / weights.form.columns) * weights.panelBytes;
}

/** The class of a dot that is one exact instruction. */
export function dotOf(machine: Machine): "usdot" | "sdot" | undefined {
  return hasDot(machine) ? (machine.dot as "usdot" | "sdot") : undefined;
}

export const noLowBit = {
  weightBits: 8,
  weightOffset: 0,
  narrowFlip: 0,
  narrowMultiplier: 0,
  narrowAddend: 0,
  narrowHigh: 0,
  flushSteps: 0,
  widenFlushes: 0,
};

/** What the kernel's reading of a byte adds to its code: a flipped byte is another code, 128 away. */
export function inputShift({ name, method }: GemmForm, isUnsigned: boolean): number {
  const isFlipped = name.startsWith("f8") || (method === "deep" && name.startsWith("u8"));
  return isFlipped ? (isUnsigned ? -128 : 128) : 0;
}
