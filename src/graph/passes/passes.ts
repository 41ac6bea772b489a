/** The passes over every graph, in their order: each gives a graph with the same results, bit for bit. */
import type { Rounding } from "../../quantization/index.ts";
import type { Graph } from "../graph.ts";
import { foldPads } from "./fold-pads.ts";
import { fuseTables } from "./fuse-tables.ts";

const PASSES: readonly ((graph: Graph, rounding: Rounding) => Graph)[] = [foldPads, fuseTables];

/** @param graph a graph whose types are inferred */
export function simplify(graph: Graph, rounding: Rounding): Graph {
  return PASSES.reduce((simplified, pass) => pass(simplified, rounding), graph);
}
