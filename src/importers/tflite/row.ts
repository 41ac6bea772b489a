/** The form of a row of the operator table, and the functions that write one. */
import type { Operator } from "../../operators/index.ts";
import type { NodeReader } from "./node-reader.ts";
import type { OptionsTable } from "./options.ts";

/** What a row makes of one operator. */
export interface NodeParts {
  readonly operator: Operator<never>;
  readonly attributes: unknown;
  /** Positions in the file's input list, in the order of the operator's own inputs. */
  readonly inputs: readonly number[];
}

export interface Row {
  /** `undefined`: the operator has no options. */
  readonly options: OptionsTable | undefined;
  /** Options whose zero is no default: their table must be there. */
  readonly needsOptions: boolean;
  readonly inputs: Range;
  readonly outputs: Range;
  /** First input position that may be absent (−1). */
  readonly optionalFrom: number;
  /** TFLite defines it for tensors that hold no numbers too. */
  readonly takesOpaque: boolean;
  readonly build: (node: NodeReader<string>) => NodeParts;
}

/** With TFLite's name of the operator. */
export type NamedRow = readonly [name: string, row: Row];

/** What a row reads of an operator with these options. */
export type Fields<T> = T extends OptionsTable<infer F> ? NodeReader<F> : never;

/** Facts of a row whose options have zeros that are no defaults. */
export const NEEDS = { needsOptions: true } as const;

type Range = readonly [least: number, most: number];

/** Joins an operator with its attributes; `inputs` defaults to all, as in the file. */
export function parts<A>(
  node: NodeReader<never>,
  operator: Operator<A>,
  attributes: A,
  inputs: readonly number[] = node.inputs.map((_, i) => i),
): NodeParts {
  return { operator: operator as Operator<never>, attributes, inputs };
}

type Facts = Partial<Omit<Row, "build" | "options">>;

export function row<F extends string>(
  inputs: number | Range,
  options: OptionsTable<F> | undefined,
  build: (node: NodeReader<F>) => NodeParts,
  facts: Facts = {},
): Row {
  const range: Range = typeof inputs === "number" ? [inputs, inputs] : inputs;
  return {
    options,
    needsOptions: false,
    inputs: range,
    outputs: [1, 1],
    optionalFrom: Infinity,
    takesOpaque: false,
    ...facts,
    build: build as (node: NodeReader<string>) => NodeParts,
  };
}

/** A row without options or attributes. */
export function plain(
  inputs: number,
  operator: Operator<Record<string, never>>,
  options?: OptionsTable<never>,
  facts?: Facts,
): Row {
  return row(inputs, options, (n) => parts(n, operator, {}), facts);
}
