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
  readonly code: string;
  readonly where: ErrorLocation;

  constructor(code: string, message: string, options: BitlaneErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.where = options.where ?? {};
  }
}

/** The bytes are not a well-formed container (FlatBuffer, .npy, image …). */
export class FormatError extends BitlaneError {
  constructor(message: string, options?: BitlaneErrorOptions) {
    super("FORMAT", message, options);
  }
}

/** Well-formed container, inconsistent model: indices, graph structure, types, attribute values. */
export class ModelError extends BitlaneError {
  constructor(message: string, options?: BitlaneErrorOptions) {
    super("MODEL", message, options);
  }
}

/** A shape rule of an operator is broken. */
export class ShapeError extends BitlaneError {
  constructor(message: string, options?: BitlaneErrorOptions) {
    super("SHAPE", message, options);
  }
}

/** Scale, zero point, axis or their count is not allowed. */
export class QuantizationError extends BitlaneError {
  constructor(message: string, options?: BitlaneErrorOptions) {
    super("QUANTIZATION", message, options);
  }
}

/** Valid, but not in this engine. `missing` lists everything at once. */
export class UnsupportedError extends BitlaneError {
  readonly missing: readonly string[];

  constructor(message: string, options?: BitlaneErrorOptions & { missing?: readonly string[] }) {
    super("UNSUPPORTED", message, options);
    this.missing = options?.missing ?? [message];
  }
}

/** A configured limit would be exceeded. */
export class ResourceError extends BitlaneError {
  readonly limit: string;
  readonly allowed: number;
  readonly asked: number;

  constructor(limit: string, allowed: number, asked: number, options?: BitlaneErrorOptions) {
    super("RESOURCE", `${limit}: expected at most ${allowed}, got ${asked}`, options);
    this.limit = limit;
    this.allowed = allowed;
    this.asked = asked;
  }
}

/** Tensors or parameters given by the caller are wrong. */
export class InputError extends BitlaneError {
  constructor(message: string, options?: BitlaneErrorOptions) {
    super("INPUT", message, options);
  }
}

/** A thread trapped, died, stayed silent or did not start. */
export class PoolError extends BitlaneError {
  constructor(message: string, options?: BitlaneErrorOptions) {
    super("POOL", message, options);
  }
}

/** The caller gave up (AbortSignal). */
export class CancelledError extends BitlaneError {
  constructor(message: string, options?: BitlaneErrorOptions) {
    super("CANCELLED", message, options);
  }
}

/** A time limit passed. */
export class DeadlineError extends BitlaneError {
  constructor(message: string, options?: BitlaneErrorOptions) {
    super("DEADLINE", message, options);
  }
}

/** The model was disposed. */
export class ClosedError extends BitlaneError {
  constructor(message: string, options?: BitlaneErrorOptions) {
    super("CLOSED", message, options);
  }
}

/** No WebAssembly or SIMD, compilation forbidden, memory not obtainable. */
export class PlatformError extends BitlaneError {
  constructor(message: string, options?: BitlaneErrorOptions) {
    super("PLATFORM", message, options);
  }
}

/** A bug of bitlane: please report it. */
export class InternalError extends BitlaneError {
  constructor(message: string, options?: BitlaneErrorOptions) {
    super("INTERNAL", message, options);
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
