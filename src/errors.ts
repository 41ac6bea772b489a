/**
 * Every error that leaves bitlane. The class (and its `code`) is the contract, the text is not.
 * Form of a message: `<where>: expected <what>, got <what>`.
 */

/** Where in a file, graph or request an error was found. */
export interface ErrorLocation {
  /** Container format: "tflite", "npy", … */
  readonly format?: string;
  /** Byte offset in the file. */
  readonly offset?: number;
  readonly operatorIndex?: number;
  readonly operator?: string;
  readonly tensor?: string;
  readonly field?: string;
}

export interface BitlaneErrorOptions {
  readonly where?: ErrorLocation;
  readonly cause?: unknown;
}

/** Base class: `instanceof BitlaneError` holds for everything that bitlane throws on purpose. */
export class BitlaneError extends Error {
  protected static readonly code: string = "BITLANE";
  readonly code: string;
  readonly where: ErrorLocation;

  constructor(message: string, options: BitlaneErrorOptions = {}) {
    super(message, options);
    const { code } = new.target;
    // Not the name of the class: a bundler that minifies shortens it.
    this.name = `${code[0]}${code.slice(1).toLowerCase()}Error`;
    this.code = code;
    this.where = options.where ?? {};
  }
}

/** The bytes are not a well-formed container (FlatBuffer, .npy, image …). */
export class FormatError extends BitlaneError {
  protected static override readonly code = "FORMAT";
}

/** Well-formed container, inconsistent model: indices, graph structure, types, attribute values. */
export class ModelError extends BitlaneError {
  protected static override readonly code = "MODEL";
}

/** A shape rule of an operator is broken. */
export class ShapeError extends BitlaneError {
  protected static override readonly code = "SHAPE";
}

/** Scale, zero point, axis or their count is not allowed. */
export class QuantizationError extends BitlaneError {
  protected static override readonly code = "QUANTIZATION";
}

/** Valid, but not in this engine. `missing` lists everything at once. */
export class UnsupportedError extends BitlaneError {
  protected static override readonly code = "UNSUPPORTED";
  readonly missing: readonly string[];

  constructor(message: string, options?: BitlaneErrorOptions & { missing?: readonly string[] }) {
    super(message, options);
    this.missing = options?.missing ?? [message];
  }
}

/** A configured limit would be exceeded. */
export class ResourceError extends BitlaneError {
  protected static override readonly code = "RESOURCE";
  readonly limit: string;
  readonly allowed: number;
  readonly asked: number;

  constructor(limit: string, allowed: number, asked: number, options?: BitlaneErrorOptions) {
    super(`${limit}: expected at most ${allowed}, got ${asked}`, options);
    this.limit = limit;
    this.allowed = allowed;
    this.asked = asked;
  }
}

/** Tensors or parameters given by the caller are wrong. */
export class InputError extends BitlaneError {
  protected static override readonly code = "INPUT";
}

/** A thread trapped, died, stayed silent or did not start. */
export class PoolError extends BitlaneError {
  protected static override readonly code = "POOL";
}

/** The caller gave up (AbortSignal). */
export class CancelledError extends BitlaneError {
  protected static override readonly code = "CANCELLED";
}

/** The model was disposed. */
export class ClosedError extends BitlaneError {
  protected static override readonly code = "CLOSED";
}

/** No WebAssembly or SIMD, compilation forbidden, memory not obtainable. */
export class PlatformError extends BitlaneError {
  protected static override readonly code = "PLATFORM";
}

/** A bug of bitlane: please report it. */
export class InternalError extends BitlaneError {
  protected static override readonly code = "INTERNAL";
}

/** What a value of the caller is, for the end of a message: "Null", "Array", "Uint8Array" … */
export function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** @throws CancelledError if the signal is aborted */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) {
    throw new CancelledError(`${what} was cancelled by its AbortSignal`, { cause: signal.reason });
  }
}

/** The same error with the place prefixed to its message and merged into `where`. */
export function locateError(error: unknown, prefix: string, where: ErrorLocation): unknown {
  if (!(error instanceof BitlaneError)) return error;
  const located = Object.create(Object.getPrototypeOf(error) as object) as BitlaneError;
  Object.defineProperties(located, Object.getOwnPropertyDescriptors(error));
  Object.defineProperty(located, "message", {
    value: `${prefix}: ${error.message}`,
    configurable: true,
    writable: true,
  });
  Object.defineProperty(located, "where", {
    value: { ...where, ...error.where },
    enumerable: true,
  });
  return located;
}
