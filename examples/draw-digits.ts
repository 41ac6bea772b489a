/**
 * Draws the dozen digit images of examples/digits/: strokes given as control points, bent, slanted and
 * thickened per image, white on black, 28×28, about 20×20 and centred by mass. Deterministic.
 *
 * Usage: node examples/draw-digits.ts
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PNG } from "pngjs";

const SIZE = 28;
/** The longer side of the figure, as in the images that the network was trained on. */
const FIGURE = 20;

type Point = readonly [x: number, y: number];

/** Points that a smooth curve (Catmull–Rom) passes through; a doubled point makes a corner. */
type Stroke = readonly Point[];

/** Figures in a box of width and height 1, y downwards. */
const FIGURES: Readonly<Record<string, readonly Stroke[]>> = {
  zero: [
    closed([
      [0.5, 0],
      [0.86, 0.22],
      [0.88, 0.62],
      [0.55, 1],
      [0.18, 0.78],
      [0.14, 0.3],
    ]),
  ],
  one: [
    [
      [0.5, 0],
      [0.5, 0.5],
      [0.5, 1],
    ],
  ],
  oneWithFlag: [
    [
      [0.34, 0.2],
      [0.54, 0],
      [0.54, 0],
      [0.52, 0.5],
      [0.5, 1],
    ],
  ],
  two: [
    [
      [0.14, 0.24],
      [0.42, 0.01],
      [0.8, 0.22],
      [0.62, 0.55],
      [0.12, 0.97],
      [0.12, 0.97],
      [0.5, 0.95],
      [0.92, 0.98],
    ],
  ],
  three: [
    [
      [0.16, 0.1],
      [0.5, 0],
      [0.82, 0.2],
      [0.45, 0.46],
      [0.45, 0.46],
      [0.86, 0.68],
      [0.58, 0.98],
      [0.12, 0.9],
    ],
  ],
  four: [
    [
      [0.24, 0.02],
      [0.14, 0.3],
      [0.12, 0.52],
      [0.12, 0.52],
      [0.5, 0.53],
      [0.88, 0.48],
    ],
    [
      [0.78, 0.06],
      [0.74, 0.5],
      [0.7, 1],
    ],
  ],
  five: [
    [
      [0.84, 0.02],
      [0.3, 0.04],
      [0.3, 0.04],
      [0.24, 0.42],
      [0.24, 0.42],
      [0.6, 0.4],
      [0.84, 0.68],
      [0.56, 0.97],
      [0.14, 0.9],
    ],
  ],
  six: [
    [
      [0.7, 0],
      [0.34, 0.3],
      [0.18, 0.7],
      [0.48, 1],
      [0.8, 0.76],
      [0.54, 0.52],
      [0.22, 0.72],
    ],
  ],
  seven: [
    [
      [0.1, 0.06],
      [0.5, 0.05],
      [0.88, 0.04],
      [0.88, 0.04],
      [0.6, 0.5],
      [0.42, 1],
    ],
  ],
  sevenWithBar: [
    [
      [0.12, 0.08],
      [0.5, 0.04],
      [0.86, 0.03],
      [0.86, 0.03],
      [0.62, 0.5],
      [0.46, 1],
    ],
    [
      [0.34, 0.52],
      [0.6, 0.5],
      [0.84, 0.48],
    ],
  ],
  eight: [
    closed([
      [0.5, 0],
      [0.82, 0.2],
      [0.52, 0.46],
      [0.16, 0.76],
      [0.5, 1],
      [0.84, 0.76],
      [0.48, 0.46],
      [0.18, 0.2],
    ]),
  ],
  nine: [
    [
      [0.8, 0.2],
      [0.48, 0],
      [0.2, 0.26],
      [0.46, 0.48],
      [0.8, 0.2],
      [0.8, 0.2],
      [0.76, 0.6],
      [0.62, 1],
    ],
  ],
};

interface Hand {
  readonly figure: string;
  /** Width over height of the figure's box. */
  readonly aspect: number;
  /** Shift of the top to the right, in heights. */
  readonly slant: number;
  /** Radius of the pen in pixels, at the start and at the end of a stroke. */
  readonly pen: readonly [number, number];
  /** Largest displacement of a control point, in heights. */
  readonly wobble: number;
}

/** One row per image; the file's name begins with the digit. */
const IMAGES: Readonly<Record<string, Hand>> = {
  "0-round": { figure: "zero", aspect: 0.85, slant: 0.1, pen: [1.3, 1.5], wobble: 0.02 },
  "1-plain": { figure: "one", aspect: 0.4, slant: 0.22, pen: [1.2, 1.4], wobble: 0.015 },
  "1-flag": { figure: "oneWithFlag", aspect: 0.6, slant: 0.05, pen: [1.5, 1.5], wobble: 0.01 },
  "2-wide": { figure: "two", aspect: 0.9, slant: 0.1, pen: [1.2, 1.6], wobble: 0.02 },
  "3-bold": { figure: "three", aspect: 0.75, slant: 0.05, pen: [1.9, 1.7], wobble: 0.02 },
  "4-open": { figure: "four", aspect: 0.8, slant: 0.12, pen: [1.2, 1.3], wobble: 0.02 },
  "5-slanted": { figure: "five", aspect: 0.75, slant: 0.22, pen: [1.4, 1.2], wobble: 0.02 },
  "6-thin": { figure: "six", aspect: 0.75, slant: 0.12, pen: [1, 1.1], wobble: 0.02 },
  "7-plain": { figure: "seven", aspect: 0.75, slant: 0.1, pen: [1.4, 1.2], wobble: 0.02 },
  "7-bar": { figure: "sevenWithBar", aspect: 0.75, slant: 0.08, pen: [1.3, 1.3], wobble: 0.02 },
  "8-leaning": { figure: "eight", aspect: 0.7, slant: 0.2, pen: [1.2, 1.4], wobble: 0.015 },
  "9-upright": { figure: "nine", aspect: 0.7, slant: 0.05, pen: [1.5, 1.3], wobble: 0.02 },
};

/** A dot of the pen: centre and radius in pixels. */
interface Dot {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** Repeats the first points so that the curve closes smoothly. */
function closed(points: Stroke): Stroke {
  return [...points, points[0]!, points[1]!];
}

/** Pseudo-random numbers in [−1, 1) from a seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

const STEPS = 24;

/** Points along the uniform Catmull–Rom spline, STEPS per pair of control points. */
function curve(stroke: Stroke): Point[] {
  const at = (i: number) => stroke[Math.min(Math.max(i, 0), stroke.length - 1)]!;
  const blend = (a: number, b: number, c: number, d: number, t: number) =>
    b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  const result: Point[] = [];
  for (let i = 0; i + 1 < stroke.length; i++) {
    const [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let step = 0; step <= STEPS; step++) {
      const t = step / STEPS;
      result.push([blend(a[0], b[0], c[0], d[0], t), blend(a[1], b[1], c[1], d[1], t)]);
    }
  }
  return result;
}

/** The dots of a figure, scaled so that they fill FIGURE pixels in the longer direction. */
function dotsOf({ figure, aspect, slant, pen, wobble }: Hand, seed: number): Dot[] {
  const random = randomNumbers(seed);
  const dots = FIGURES[figure]!.flatMap((stroke) => {
    const bent = bendPoints(stroke, (value) => value + wobble * random());
    const points = curve(bent);
    return points.map(([x, y], i) => ({
      x: x * aspect + slant * (1 - y),
      y,
      radius: pen[0] + ((pen[1] - pen[0]) * i) / (points.length - 1),
    }));
  });
  const span = (values: readonly number[]) => Math.max(...values) - Math.min(...values);
  const longer = Math.max(span(dots.map(({ x }) => x)), span(dots.map(({ y }) => y)));
  const scale = (FIGURE - 2 * Math.max(...pen)) / longer;
  return dots.map(({ x, y, radius }) => ({ x: x * scale, y: y * scale, radius }));
}

/** Equal neighbours stay equal: a corner stays a corner. */
function bendPoints(stroke: Stroke, bend: (value: number) => number): Stroke {
  const moved = new Map<string, Point>();
  return stroke.map(([x, y]) => {
    const key = `${x} ${y}`;
    const point = moved.get(key) ?? [bend(x), bend(y)];
    moved.set(key, point);
    return point;
  });
}

/** Coverage of every pixel by the dots: 1 inside, 0 outside, a linear edge one pixel wide. */
function paint(dots: readonly Dot[], shiftX: number, shiftY: number): Float64Array {
  const pixels = new Float64Array(SIZE * SIZE);
  for (let row = 0; row < SIZE; row++) {
    for (let column = 0; column < SIZE; column++) {
      let depth = -Infinity;
      for (const { x, y, radius } of dots) {
        const distance = Math.hypot(column + 0.5 - x - shiftX, row + 0.5 - y - shiftY);
        depth = Math.max(depth, radius - distance);
      }
      pixels[row * SIZE + column] = Math.min(1, Math.max(0, depth + 0.5));
    }
  }
  return pixels;
}

/** Painted twice: the centre of mass of the first picture says where the second one goes. */
function drawCentred(dots: readonly Dot[]): Float64Array {
  const xs = dots.map(({ x }) => x);
  const ys = dots.map(({ y }) => y);
  const middle = (values: readonly number[]) => (Math.max(...values) + Math.min(...values)) / 2;
  const shiftX = SIZE / 2 - middle(xs);
  const shiftY = SIZE / 2 - middle(ys);
  const first = paint(dots, shiftX, shiftY);
  let mass = 0;
  let momentX = 0;
  let momentY = 0;
  first.forEach((value, i) => {
    mass += value;
    momentX += value * ((i % SIZE) + 0.5);
    momentY += value * (Math.floor(i / SIZE) + 0.5);
  });
  return paint(dots, shiftX + SIZE / 2 - momentX / mass, shiftY + SIZE / 2 - momentY / mass);
}

function encode(pixels: Float64Array): Buffer {
  const png = new PNG({ width: SIZE, height: SIZE });
  pixels.forEach((value, i) => {
    png.data.fill(Math.round(255 * value), i * 4, i * 4 + 3);
    png.data[i * 4 + 3] = 255;
  });
  return PNG.sync.write(png, { colorType: 0 });
}

/** The PNG files by name. */
export function drawDigits(): Map<string, Buffer> {
  return new Map(
    Object.entries(IMAGES).map(([name, hand], i) => [
      `${name}.png`,
      encode(drawCentred(dotsOf(hand, i + 1))),
    ]),
  );
}

if (import.meta.main) {
  const folder = fileURLToPath(new URL("digits/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of drawDigits()) writeFileSync(`${folder}${name}`, bytes);
}
