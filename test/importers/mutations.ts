/**
 * Seeded damage to FlatBuffer files: flipped bytes, telling integers, cut files, tables that read
 * through the layout of another table, parts of other files. Most of it hits the structure, because
 * damage to weights is only another model; half of it hits values alone, because damage to
 * references is found before anything else is looked at.
 */

export type Random = (below: number) => number;

/** A small generator of integers in [0, below): the same seed gives the same numbers everywhere. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** A number in a file. */
interface Place {
  readonly offset: number;
  readonly size: number;
  readonly isFloat: boolean;
}

/** A file with what mutations need to know of it. */
export interface Seed {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Offsets of bytes that are not data of constants. */
  readonly structure: Int32Array;
  /** Numbers that a reader of the file takes as values. */
  readonly values: readonly Place[];
  /** Positions that look like tables: they hold the distance to something like a vtable. */
  readonly tables: Int32Array;
}

/** @param read reads the file and gives the views of it that hold constants */
export function createSeed(
  name: string,
  bytes: Uint8Array,
  read: (bytes: Uint8Array) => readonly ArrayBufferView[],
): Seed {
  const values: Place[] = [];
  const constants = recordReads(bytes, values, () => read(bytes));
  const isData = new Uint8Array(bytes.length);
  for (const view of constants) {
    if (view.buffer !== bytes.buffer) continue;
    const start = view.byteOffset - bytes.byteOffset;
    // Short constants are parameters: axes, shapes, paddings.
    if (view.byteLength > 64) isData.fill(1, start, start + view.byteLength);
    else for (let i = 0; i < view.byteLength; i += 4) values.push(place4(start + i));
  }
  const offsets = Int32Array.from(bytes.keys());
  const structure = offsets.filter((offset) => isData[offset] === 0);
  const tables = structure.filter((offset) => looksLikeTable(bytes, offset));
  const starts = new Set(tables);
  return { name, bytes, structure, tables, values: values.filter((v) => !starts.has(v.offset)) };
}

const place4 = (offset: number): Place => ({ offset, size: 4, isFloat: false });

/** Getters of DataView by which values are read; unsigned 16 and 32 bits are layout, mostly. */
const GETTERS = {
  getInt8: { size: 1, isFloat: false },
  getUint8: { size: 1, isFloat: false },
  getInt32: { size: 4, isFloat: false },
  getFloat32: { size: 4, isFloat: true },
  getBigInt64: { size: 8, isFloat: false },
} as const;

/** Notes where `run` reads values of `bytes` through a DataView. */
function recordReads<T>(bytes: Uint8Array, values: Place[], run: () => T): T {
  const prototype = DataView.prototype as unknown as Record<string, unknown>;
  const originals = new Map<string, unknown>();
  for (const [name, facts] of Object.entries(GETTERS)) {
    const original = prototype[name] as (at: number, little?: boolean) => unknown;
    originals.set(name, original);
    prototype[name] = function (this: DataView, at: number, little?: boolean) {
      if (this.buffer === bytes.buffer) values.push({ offset: at, ...facts });
      return original.call(this, at, little);
    };
  }
  try {
    return run();
  } finally {
    for (const [name, original] of originals) prototype[name] = original;
  }
}

function looksLikeTable(bytes: Uint8Array, offset: number): boolean {
  if (offset % 4 !== 0 || offset < 8 || offset > bytes.length - 4) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const vtable = offset - view.getInt32(offset, true);
  if (vtable === offset || vtable % 2 !== 0 || vtable < 0 || vtable > bytes.length - 4)
    return false;
  const size = view.getUint16(vtable, true);
  const tableSize = view.getUint16(vtable + 2, true);
  return size >= 4 && size <= 40 && size % 2 === 0 && tableSize >= 4 && tableSize <= 128;
}

/** Integers at which checks tend to fail. */
const TELLING = [0n, 1n, -1n, 2n, 127n, 128n, 255n, 2n ** 15n, 2n ** 16n - 1n].concat([
  2n ** 30n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n,
  -(2n ** 63n),
]);

/** Floats at which checks tend to fail: as bits. */
const TELLING_FLOATS = [
  0, // 0
  0x80000000, // -0
  0xbf800000, // -1
  0x7fc00000, // NaN
  0x7f800000, // infinity
  0x00000001, // the smallest denormal
  0x00800000, // the smallest normal number
  0x7f7fffff, // the largest
  0x2f800000, // 2^-32
  0x4b800000, // 2^24
];

interface Mutation {
  readonly name: string;
  readonly apply: (
    file: Uint8Array,
    seed: Seed,
    seeds: readonly Seed[],
    random: Random,
  ) => Uint8Array;
}

const MUTATIONS: readonly Mutation[] = [
  {
    name: "flip",
    apply: (file, seed, _, random) => {
      for (let count = 1 + random(4); count > 0; count--) {
        file[place(seed, file, random)]! ^= 1 << random(8);
      }
      return file;
    },
  },
  {
    name: "byte",
    apply: (file, seed, _, random) => {
      file[place(seed, file, random)] = random(256);
      return file;
    },
  },
  { name: "integer", apply: (file, seed, _, random) => writeTelling(file, seed, random) },
  { name: "integer", apply: (file, seed, _, random) => writeTelling(file, seed, random) },
  { name: "cut", apply: (file, _seed, _seeds, random) => file.slice(0, random(file.length)) },
  {
    name: "vtable",
    apply: (file, { tables }, _, random) => {
      const table = tables[random(tables.length)]!;
      const other = tables[random(tables.length)]!;
      if (table > file.length - 4 || other > file.length - 4) return file;
      const view = new DataView(file.buffer);
      const vtable = other - view.getInt32(other, true);
      view.setInt32(table, table - vtable, true);
      return file;
    },
  },
  {
    name: "reference",
    apply: (file, { tables }, _, random) => {
      // Some reference leads to a table of another kind.
      const target = tables[random(tables.length)]!;
      const at = 4 * random(Math.floor(Math.min(target, file.length - 4) / 4));
      new DataView(file.buffer).setUint32(at, target - at, true);
      return file;
    },
  },
  {
    name: "splice",
    apply: (file, seed, seeds, random) => {
      const source = seeds[random(seeds.length)]!;
      const from = place(source, source.bytes, random) & ~3;
      const part = source.bytes.subarray(from, from + 4 * (1 + random(16)));
      const at = place(seed, file, random) & ~3;
      file.set(part.subarray(0, file.length - at), at);
      return file;
    },
  },
  {
    name: "shift",
    apply: (file, seed, _, random) => {
      const at = place(seed, file, random);
      const count = 4 * (1 + random(4));
      return random(2) === 0
        ? Uint8Array.from([...file.subarray(0, at), ...file.subarray(at + count)])
        : Uint8Array.from([
            ...file.subarray(0, at),
            ...new Uint8Array(count),
            ...file.subarray(at),
          ]);
    },
  },
];

/** A value becomes a telling one, its neighbour, or another value of the file. */
const VALUE: Mutation = {
  name: "value",
  apply: (file, { values }, _, random) => {
    const { offset, size, isFloat } = values[random(values.length)]!;
    if (offset > file.length - size) return file;
    if (isFloat && random(4) > 0) {
      write(file, offset, 4, BigInt(TELLING_FLOATS[random(TELLING_FLOATS.length)]!));
      return file;
    }
    const kind = random(4);
    if (kind < 2) write(file, offset, size, TELLING[random(TELLING.length)]!);
    else if (kind === 2) write(file, offset, size, BigInt(file[offset]! + random(5) - 2));
    else {
      const other = values[random(values.length)]!;
      file.set(file.slice(other.offset, other.offset + Math.min(size, other.size)), offset);
    }
    return file;
  },
};

/** An offset in the file: of its structure, but for one in sixteen. */
function place({ structure }: Seed, file: Uint8Array, random: Random): number {
  if (file.length === 0) return 0;
  const offset = random(16) === 0 ? random(file.length) : structure[random(structure.length)]!;
  return Math.min(offset, file.length - 1);
}

function writeTelling(file: Uint8Array, seed: Seed, random: Random): Uint8Array {
  const size = [1, 2, 4, 4, 4, 8][random(6)]!;
  const at = Math.floor(place(seed, file, random) / size) * size;
  if (at > file.length - size) return file;
  write(file, at, size, TELLING[random(TELLING.length)]!);
  return file;
}

/** Little-endian, the low `size` bytes. */
function write(file: Uint8Array, at: number, size: number, value: bigint): void {
  for (let i = 0; i < size; i++) {
    file[at + i] = Number(BigInt.asUintN(8, value >> BigInt(8 * i)));
  }
}

export interface Mutant {
  /** What was done, in order. */
  readonly history: string;
  readonly bytes: Uint8Array;
}

/** One damaged file. The number of the mutant alone decides what happens. */
export function mutate(seeds: readonly Seed[], number: number): Mutant {
  const random = createRandom(number);
  const seed = seeds[random(seeds.length)]!;
  let bytes: Uint8Array = seed.bytes.slice();
  const done: string[] = [];
  for (let count = 1 + (random(3) === 0 ? random(3) : 0); count > 0 && bytes.length > 0; count--) {
    const mutation = random(2) === 0 ? VALUE : MUTATIONS[random(MUTATIONS.length)]!;
    bytes = mutation.apply(bytes, seed, seeds, random);
    done.push(mutation.name);
  }
  return { history: `mutant ${number}: ${seed.name}, ${done.join(", ")}`, bytes };
}
