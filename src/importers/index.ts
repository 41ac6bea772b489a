/** Importers: bytes to a graph. The format is known by its first bytes, never by a file name. */
import { FormatError } from "../errors.ts";
import type { Graph } from "../graph/index.ts";
import { checkLimit, type Limits, resolveLimits } from "./limits.ts";
import { importTflite } from "./tflite/index.ts";

export { checkWork, defaultLimits, type Limits, resolveLimits } from "./limits.ts";

export interface ImportOptions {
  /** Bounds in place of `defaultLimits`. */
  readonly limits?: Partial<Limits>;
}

/**
 * The graph of a model file. Its constants are views of `bytes`, which must not change afterwards;
 * bytes in shared memory are copied first, because another thread could.
 * @throws FormatError, ModelError, ShapeError, QuantizationError, UnsupportedError, ResourceError
 */
export function importModel(bytes: Uint8Array, options: ImportOptions = {}): Graph {
  const limits = resolveLimits(options.limits);
  checkLimit(limits, "fileBytes", bytes.length);
  const own = bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice();
  if (own.length === 0) throw new FormatError("expected a model, got an empty file");
  return importTflite(own, limits);
}
