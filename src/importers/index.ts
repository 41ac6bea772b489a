/** Importers: bytes to a graph. A format is known by its first bytes, never by a file's name. */
import { FormatError } from "../errors.ts";
import type { Graph } from "../graph/index.ts";
import { checkLimit, type Limits, resolveLimits } from "./limits.ts";
import { importTflite, isTflite } from "./tflite/index.ts";

export { checkLimit, checkWork, defaultLimits, type Limits, resolveLimits } from "./limits.ts";

/** One row per format. */
const IMPORTERS = [{ format: "tflite", recognises: isTflite, read: importTflite }] as const;

export interface ImportOptions {
  /** Bounds in place of those of `defaultLimits`. */
  readonly limits?: Partial<Limits> | undefined;
}

/**
 * The graph of a model file, with the types that the file states; `inferGraph` comes next. Its
 * constants are views of `bytes`, which must not change as long as the graph is used. Bytes in
 * shared memory are copied first, because another thread could change them.
 * @throws FormatError, ModelError, ShapeError, QuantizationError, UnsupportedError, ResourceError
 */
export function importModel(bytes: Uint8Array, options: ImportOptions = {}): Graph {
  const limits = resolveLimits(options.limits);
  checkLimit(limits, "fileBytes", bytes.length);
  const own = bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice();
  const importer = IMPORTERS.find(({ recognises }) => recognises(own));
  if (importer === undefined) {
    const known = IMPORTERS.map(({ format }) => format).join(" or ");
    throw new FormatError(
      `expected a model file (${known}), got ${own.length} bytes of another kind`,
    );
  }
  return importer.read(own, limits);
}
