/**
 * From JPEG coefficients to pixels with the integer arithmetic of libjpeg: the slow inverse DCT
 * (jidctint.c), triangle upsampling of halved chroma (jdsample.c), colour conversion (jdcolor.c).
 */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: readonly Component[];
}

export interface Component {
  readonly id: number;
  readonly horizontal: number;
  readonly vertical: number;
  readonly quantizer: number;
  dcTable: number;
  acTable: number;
  /** Samples of whole blocks; `stride` per row. */
  stride: number;
  samples: Uint8Array;
}

/** Interleaved RGB, rows from the top. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The constants of jidctint.c, in 13 fraction bits. */
const fix = (value: number) => Math.round(value * 2 ** 13);
const PASS_ONE_BITS = 2;

/**
 * Loeffler, Ligtenberg and Moschytz's inverse DCT of 8 values, `step` apart, scaled by 2^(13 − shift):
 * the columns keep two fraction bits, the rows remove them and the factor 8 of the two passes.
 */
function inversePass(values: Int32Array, start: number, step: number, shift: number): void {
  const v = (i: number) => values[start + i * step]!;
  const even = (v(2) + v(6)) * fix(0.5411961);
  const even2 = even - v(6) * fix(1.847759065);
  const even3 = even + v(2) * fix(0.765366865);
  const sum = (v(0) + v(4)) << 13;
  const difference = (v(0) - v(4)) << 13;
  const evens = [sum + even3, difference + even2, difference - even2, sum - even3];

  const shared = (v(7) + v(3) + v(5) + v(1)) * fix(1.175875602);
  const z1 = -(v(7) + v(1)) * fix(0.899976223);
  const z2 = -(v(5) + v(3)) * fix(2.562915447);
  const z3 = -(v(7) + v(3)) * fix(1.96157056) + shared;
  const z4 = -(v(5) + v(1)) * fix(0.390180644) + shared;
  const odds = [
    v(1) * fix(1.50132111) + z1 + z4,
    v(3) * fix(3.072711026) + z2 + z3,
    v(5) * fix(2.053119869) + z2 + z4,
    v(7) * fix(0.298631336) + z1 + z3,
  ];
  const half = 1 << (shift - 1);
  for (let i = 0; i < 4; i++) {
    values[start + i * step] = (evens[i]! + odds[i]! + half) >> shift;
    values[start + (7 - i) * step] = (evens[i]! - odds[i]! + half) >> shift;
  }
}

/** 64 coefficients in natural order to an 8×8 square of samples; the block is overwritten. */
export function inverseTransform(block: Int32Array, samples: Uint8Array, stride: number): void {
  for (let column = 0; column < 8; column++) inversePass(block, column, 8, 13 - PASS_ONE_BITS);
  for (let row = 0; row < 8; row++) inversePass(block, row * 8, 1, 13 + PASS_ONE_BITS + 3);
  for (let i = 0; i < 64; i++) samples[(i >> 3) * stride + (i & 7)] = clampByte(block[i]! + 128);
}

function clampByte(value: number): number {
  return Math.min(255, Math.max(0, value));
}

export function toRgb(frame: Frame): RgbImage {
  const { width, height, components } = frame;
  const [y, cb, cr] = components.map((component) => fullSize(component, frame));
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const luma = y![i]!;
    const blue = cb === undefined ? 0 : cb[i]! - 128;
    const red = cr === undefined ? 0 : cr[i]! - 128;
    // 1.402, 0.34414, 0.71414 and 1.772 in 16 fraction bits.
    data[i * 3] = clampByte(luma + ((91881 * red + 32768) >> 16));
    data[i * 3 + 1] = clampByte(luma + ((-22554 * blue - 46802 * red + 32768) >> 16));
    data[i * 3 + 2] = clampByte(luma + ((116130 * blue + 32768) >> 16));
  }
  return { width, height, data };
}

/** The samples of one component, one per pixel. */
function fullSize(component: Component, { width, height, components }: Frame): Uint8Array {
  const { horizontal, vertical, stride, samples } = component;
  const scaleX = Math.max(...components.map((c) => c.horizontal)) / horizontal;
  const scaleY = Math.max(...components.map((c) => c.vertical)) / vertical;
  const result = new Uint8Array(width * height);
  if (scaleX === 1 && scaleY === 1) {
    for (let y = 0; y < height; y++) {
      result.set(samples.subarray(y * stride, y * stride + width), y * width);
    }
    return result;
  }
  if (scaleX !== 2 || scaleY !== 2) throw new Error("expected chroma full or halved both ways");
  const lastRow = Math.ceil(height / 2) - 1;
  const lastColumn = Math.ceil(width / 2) - 1;
  // 3/4 of the nearer row and 1/4 of the further one, then the same of columns; edges repeat.
  for (let y = 0; y < height; y++) {
    const near = y >> 1;
    const far = Math.min(lastRow, Math.max(0, y % 2 === 0 ? near - 1 : near + 1));
    const column = (x: number) => 3 * samples[near * stride + x]! + samples[far * stride + x]!;
    for (let x = 0; x < width; x++) {
      const inner = x >> 1;
      const outer = Math.min(lastColumn, Math.max(0, x % 2 === 0 ? inner - 1 : inner + 1));
      const round = x % 2 === 0 ? 8 : 7;
      result[y * width + x] = (3 * column(inner) + column(outer) + round) >> 4;
    }
  }
  return result;
}
