/**
 * Bilinear resizing with the triangle filter widened to the scale when it shrinks (antialiased) and
 * half-pixel centres: Pillow's `Image.resize(size, BILINEAR)`, bit for bit. Its arithmetic: weights of
 * one row or column as integers of 22 fraction bits, the horizontal pass first, 8 bits in between.
 */
import type { Image } from "./images.ts";

const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);

/** The source pixels of one target pixel: `weights[i]` belongs to pixel `first + i`. */
interface Taps {
  readonly first: number;
  readonly weights: Int32Array;
}

/**
 * For target pixel t: centre c = (t + ½)·s, s = source / target, radius r = max(s, 1);
 * weight of source pixel x ∝ max(0, 1 − |x + ½ − c| / r).
 */
function triangleTaps(source: number, target: number): Taps[] {
  const scale = source / target;
  const radius = Math.max(scale, 1);
  return Array.from({ length: target }, (_, t) => {
    const centre = (t + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - radius + 0.5));
    const end = Math.min(source, Math.trunc(centre + radius + 0.5));
    const real = Array.from({ length: end - first }, (__, i) =>
      Math.max(0, 1 - Math.abs((first + i - centre + 0.5) / radius)),
    );
    const sum = real.reduce((total, weight) => total + weight, 0);
    const weights = Int32Array.from(real, (w) => Math.trunc(0.5 + (w / sum) * 2 ** PRECISION_BITS));
    return { first, weights };
  });
}

/** 255 · 2^22 < 2^31: the weights of a pixel sum to 2^22 within a few units, so int32 holds it. */
function resizeRows({ width, height, data }: Image, target: number): Image {
  const result = new Uint8Array(target * height * 4);
  triangleTaps(width, target).forEach(({ first, weights }, x) => {
    for (let y = 0; y < height; y++) {
      for (let channel = 0; channel < 4; channel++) {
        let sum = HALF;
        let at = (y * width + first) * 4 + channel;
        for (let i = 0; i < weights.length; i++, at += 4) sum += data[at]! * weights[i]!;
        result[(y * target + x) * 4 + channel] = Math.min(255, sum >> PRECISION_BITS);
      }
    }
  });
  return { width: target, height, data: result };
}

function transpose({ width, height, data }: Image): Image {
  const result = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 4;
      result.set(data.subarray(from, from + 4), (x * height + y) * 4);
    }
  }
  return { width: height, height: width, data: result };
}

export function resizeImage(image: Image, width: number, height: number): Image {
  const rows = image.width === width ? image : resizeRows(image, width);
  return rows.height === height ? rows : transpose(resizeRows(transpose(rows), height));
}
