/**
 * One run on fixed inputs, reduced to a hash. The same code runs in Node and in the page, so equal
 * hashes mean equal outputs.
 */

interface TensorInfo {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

type Elements = Int8Array | Uint8Array | Float32Array;

interface Network {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  run(feeds: Record<string, Elements>): Promise<Readonly<Record<string, ArrayBufferView>>>;
  dispose(): Promise<void>;
}

/** SHA-256, in hex, of the outputs of `network` on pseudo-random inputs; disposes of the network. */
export async function hashOutputs(network: Network): Promise<string> {
  try {
    const feeds = Object.fromEntries(network.inputs.map((info) => [info.name, randomInput(info)]));
    const first = await hashOf(network, feeds);
    const second = await hashOf(network, feeds);
    if (first !== second) throw new Error(`expected equal runs, got ${first} and ${second}`);
    return first;
  } finally {
    await network.dispose();
  }
}

async function hashOf(network: Network, feeds: Record<string, Elements>): Promise<string> {
  const outputs = await network.run(feeds);
  const hashes: string[] = [];
  for (const { name } of network.outputs) {
    const { buffer, byteOffset, byteLength } = outputs[name]!;
    const bytes = Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    hashes.push([...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  return hashes.join(" ");
}

/** Codes over the whole range, reals in [0, 1), from a linear congruential generator. */
function randomInput({ dtype, shape }: TensorInfo): Elements {
  const size = shape.reduce((product, extent) => product * extent, 1);
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8;
  switch (dtype) {
    case "int8":
      return Int8Array.from({ length: size }, next);
    case "uint8":
      return Uint8Array.from({ length: size }, next);
    case "float32":
      return Float32Array.from({ length: size }, () => next() / 2 ** 24);
    default:
      throw new Error(`expected an int8, uint8 or float32 input, got ${dtype}`);
  }
}
