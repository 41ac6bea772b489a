/**
 * What a rival is: one runtime behind one interface, the same in Node and in a page. A rival loads one
 * model and runs it on one fixed input; timing, order and comparison are not its business.
 */

export type HostName = "node" | "chromium";

/** The kinds of model file that runtimes read. */
export type Form = "tflite" | "onnx";

export type Elements = Int8Array | Uint8Array | Float32Array | Int32Array | BigInt64Array;

/** Input of a network: codes for an integer network, reals for a float one. */
export interface Input {
  readonly dtype: "int8" | "uint8" | "float32";
  readonly shape: readonly number[];
  readonly data: Int8Array | Uint8Array | Float32Array;
  /** real = (code − zeroPoint) · scale, for runtimes that compute in floats only. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Where a rival runs. Modules come by name, because a package may not be installed. */
export interface Environment {
  readonly host: HostName;
  importModule(name: string): Promise<unknown>;
  /** Address of a file of an installed package, for runtimes that fetch their own parts. */
  packageFile(path: string): string;
}

export interface OpenOptions {
  readonly environment: Environment;
  readonly model: Uint8Array;
  readonly input: Input;
  /** Threads that one inference may use, set explicitly for every rival. */
  readonly threads: number;
}

export interface Session {
  /** One inference, input copied in and the first output copied out. */
  run(): Promise<Elements>;
  /** What the runtime says about its own set-up, where it says anything. */
  readonly note?: string;
}

/** Where a page gets a module. */
export interface PageModule {
  /** Module name or path below bench/ to bundle; or, unbundled, a file of an installed package. */
  readonly from: string;
  /** False for a module that finds its own parts beside itself. */
  readonly bundle: boolean;
}

/** A network of 8 bits in fewer, as bitlane re-quantizes it at load. */
export interface Scheme {
  readonly weights: "int8" | "int4" | "int2" | "ternary" | "binary";
  readonly activations: "uint8" | "uint4" | "uint2" | "uint1";
}

export interface Rival {
  readonly name: string;
  /** The npm package that must be installed below bench/, and whose version is reported. */
  readonly package: string;
  readonly hosts: readonly HostName[];
  /** What a page may import, by the name that `importModule` is given. */
  readonly modules: Readonly<Record<string, PageModule>>;
  readonly form: Form;
  /** "float": computes an integer network in floats, so only its top-1 can be compared. */
  readonly arithmetic: "integer" | "float";
  /** It computes another network than the file's: its answer must equal bitlane's reference of that. */
  readonly scheme?: Scheme;
  /** @throws whatever the runtime throws for a model that it cannot run */
  open(options: OpenOptions): Promise<Session>;
}
