/**
 * Baseline JPEG as libjpeg decodes it, bit for bit, because top-1 counts depend on the pixels. Grey and
 * YCbCr; no progressive files, no restart intervals. The command line tool's jpeg-js is for pictures:
 * it repeats halved chroma, which changes two thirds of the values of CIFAR-10.
 */
import {
  type Component,
  type Frame,
  inverseTransform,
  type RgbImage,
  toRgb,
} from "./jpeg-pixels.ts";

/** Huffman codes by length: `values` in code order, `first` code and index of each length. */
interface HuffmanTable {
  readonly counts: Uint8Array;
  readonly values: Uint8Array;
}

/** Natural index of the k-th coefficient in zigzag order (ITU-T T.81, figure A.6). */
const ZIGZAG = zigzagOrder();

function zigzagOrder(): Uint8Array {
  const cells = Array.from({ length: 64 }, (_, i) => ({ row: i >> 3, column: i & 7, i }));
  const along = (cell: (typeof cells)[number]) =>
    (cell.row + cell.column) % 2 === 0 ? cell.column : cell.row;
  cells.sort((a, b) => a.row + a.column - (b.row + b.column) || along(a) - along(b));
  return Uint8Array.from(cells, ({ i }) => i);
}

export function decodeJpeg(bytes: Uint8Array): RgbImage {
  const quantizers: Uint16Array[] = [];
  const huffman = new Map<number, HuffmanTable>();
  let frame: Frame | undefined;
  let at = 2;
  for (;;) {
    if (bytes[at] !== 0xff) throw new Error(`expected a marker at byte ${at}`);
    const marker = bytes[at + 1]!;
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const segment = bytes.subarray(at + 4, at + 2 + length);
    at += 2 + length;
    if (marker === 0xdb) readQuantizers(segment, quantizers);
    else if (marker === 0xc4) readHuffmanTables(segment, huffman);
    else if (marker === 0xc0) frame = readFrame(segment);
    else if (marker === 0xda && frame !== undefined) {
      readScan(segment, bytes.subarray(at), frame, quantizers, huffman);
      return toRgb(frame);
    } else if ((marker >= 0xc1 && marker <= 0xcf) || marker === 0xdd) {
      throw new Error(`expected a baseline file, got the marker ${marker.toString(16)}`);
    }
  }
}

function readQuantizers(segment: Uint8Array, quantizers: Uint16Array[]): void {
  for (let at = 0; at < segment.length; at += 65) {
    if (segment[at]! > 15) throw new Error("expected 8-bit quantization tables");
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++) table[ZIGZAG[k]!] = segment[at + 1 + k]!;
    quantizers[segment[at]!] = table;
  }
}

function readHuffmanTables(segment: Uint8Array, tables: Map<number, HuffmanTable>): void {
  for (let at = 0; at < segment.length;) {
    const counts = segment.slice(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    tables.set(segment[at]!, { counts, values: segment.slice(at + 17, at + 17 + total) });
    at += 17 + total;
  }
}

function readFrame(segment: Uint8Array): Frame {
  const height = (segment[1]! << 8) | segment[2]!;
  const width = (segment[3]! << 8) | segment[4]!;
  const components = Array.from({ length: segment[5]! }, (_, i): Component => {
    const [id, sampling, quantizer] = segment.subarray(6 + i * 3, 9 + i * 3);
    return {
      id: id!,
      horizontal: sampling! >> 4,
      vertical: sampling! & 15,
      quantizer: quantizer!,
      dcTable: 0,
      acTable: 0,
      stride: 0,
      samples: new Uint8Array(),
    };
  });
  return { width, height, components };
}

function readScan(
  segment: Uint8Array,
  data: Uint8Array,
  { width, height, components }: Frame,
  quantizers: readonly Uint16Array[],
  huffman: ReadonlyMap<number, HuffmanTable>,
): void {
  components.forEach((component, i) => {
    const tables = segment[2 + i * 2]!;
    component.dcTable = tables >> 4;
    component.acTable = 0x10 | (tables & 15);
  });
  const columns = Math.ceil(width / (8 * Math.max(...components.map((c) => c.horizontal))));
  const rows = Math.ceil(height / (8 * Math.max(...components.map((c) => c.vertical))));
  for (const component of components) {
    component.stride = columns * component.horizontal * 8;
    component.samples = new Uint8Array(component.stride * rows * component.vertical * 8);
  }
  const bits = new BitReader(data);
  const predictions = components.map(() => 0);
  for (let unit = 0; unit < rows * columns; unit++) {
    components.forEach((component, i) => {
      const { horizontal, vertical, stride, samples } = component;
      for (let block = 0; block < horizontal * vertical; block++) {
        const coefficients = readBlock(bits, component, huffman, predictions[i]!);
        predictions[i] = coefficients[0]!;
        const x = (unit % columns) * horizontal + (block % horizontal);
        const y = Math.floor(unit / columns) * vertical + Math.floor(block / horizontal);
        const quantizer = quantizers[component.quantizer]!;
        const dequantized = coefficients.map((value, k) => value * quantizer[k]!);
        inverseTransform(dequantized, samples.subarray((y * stride + x) * 8), stride);
      }
    });
  }
}

class BitReader {
  readonly #data: Uint8Array;
  #at = 0;
  #bits = 0;
  #count = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  bit(): number {
    if (this.#count === 0) {
      this.#bits = this.#data[this.#at++] ?? 0;
      // A data byte ff is followed by a stuffed 00.
      if (this.#bits === 0xff) this.#at++;
      this.#count = 8;
    }
    return (this.#bits >> --this.#count) & 1;
  }

  /** A signed value of `size` bits (T.81, F.2.2.1: EXTEND). */
  value(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = (value << 1) | this.bit();
    return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  }

  /** The next Huffman symbol (T.81, F.2.2.3: DECODE). */
  symbol({ counts, values }: HuffmanTable): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (const count of counts) {
      code |= this.bit();
      if (code - first < count) return values[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new Error("expected a Huffman code");
  }
}

/** Coefficients in natural order, the first one with the prediction added. */
function readBlock(
  bits: BitReader,
  { dcTable, acTable }: Component,
  huffman: ReadonlyMap<number, HuffmanTable>,
  prediction: number,
): Int32Array {
  const block = new Int32Array(64);
  block[0] = prediction + bits.value(bits.symbol(huffman.get(dcTable)!));
  for (let k = 1; k < 64; k++) {
    const symbol = bits.symbol(huffman.get(acTable)!);
    const size = symbol & 15;
    const run = symbol >> 4;
    if (size === 0 && run !== 15) break;
    k += run;
    if (size > 0) block[ZIGZAG[k]!] = bits.value(size);
  }
  return block;
}
